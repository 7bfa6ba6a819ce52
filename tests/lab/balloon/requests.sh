# requests.sh - ten requests, one after the other, each of a third of the guest: all are served in full, with swap by
# the ordinary headroom, without swap by one as large as a request.
# lab: -V -m 3584 -0 704 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest -s 128 swapper 128 640 pv
swapper=$domid
guest pv 128 640 pv
pv=$domid
guest pvh 128 640 pvh
pvh=$domid
witness "$swapper" "$pv" "$pvh"
start_daemons 'policy = demand'
set_vm swapper floor=128M ceiling=640M
set_vm pv floor=128M ceiling=640M headroom=64M
set_vm pvh floor=128M ceiling=640M headroom=64M
sleep 2

section "10 requests of 40 MiB, a second apart, kept"
for name in swapper pv pvh; do hog $name ten -n 10 -s 40 -p 1000; done
for name in swapper pv pvh; do
    hog_wait $name ten 60
    check_lived $name ten
    check_equal "$name: requests served" "$(hog_value $name ten requests)" 10
    hog_story $name ten
    say "$name, ms for each: $(console $name | sed -n 's/^hog ten request [0-9]* ms=//p' | tr '\n' ' ')"
done
end_witness
for id in $swapper $pv $pvh; do check_within "$id" 128 640; done
check_ledger
check_daemons
checks_end
