# actuator.sh - memory on demand's hands and ears on a real Xen host, with a PV and a PVH guest. Runs in
# dom0: run.sh -p build/test/actuator_contract -c actuator.sh
# shellcheck shell=sh disable=SC1091
. lab-checks.sh

permissions() { xenstore-ls -p "/local/domain/$1/pagemeter" | sed 's/.*(\(.*\))/\1/' | sort -u; }
pid_of_xenstored() { cat /run/xenstored.pid 2>/dev/null || pidof oxenstored; }

lab-guest web 128 256
lab-guest mail 128 256 pvh
web=$(lab-wait web)
mail=$(lab-wait mail)

section "the contract of actuators"
check "PV" actuator_contract contract "$web"
check "PVH" actuator_contract contract "$mail"

section "records, facts, floods"
check "PV" actuator_contract guests "$web"
check "PVH" actuator_contract guests "$mail"

section "what a guest is told"
check_equal "the guest reads its headroom" "$(lab-gexec web xsguest read pagemeter/headroom)" 16384
check_equal "and its answer" "$(lab-gexec web xsguest read pagemeter/answer)" "seq=1 granted"
check_equal "all is dom0's, and read by the guest" "$(permissions "$web")" "n0,r$web"
lab-gexec web xsguest write pagemeter/headroom 1 >/dev/null 2>&1
check_equal "the guest can't write it" "$(xenstore-read "/local/domain/$web/pagemeter/headroom")" 16384
lab-gexec web xsguest write pagemeter/own 1 >/dev/null 2>&1
check "nor make a node there" [ "$(xenstore-exists "/local/domain/$web/pagemeter/own"; echo $?)" != 0 ]
check "another guest can't read it" [ "$(lab-gexec mail xsguest read "/local/domain/$web/pagemeter/headroom" 2>/dev/null)" != 16384 ]

section "xenstored stops"
check "PV" actuator_contract hang "$web" "$(pid_of_xenstored)"
check "PVH" actuator_contract hang "$mail" "$(pid_of_xenstored)"

if ! pidof oxenstored >/dev/null; then
    section "xenstored is killed and started anew"
    check "PV" actuator_contract lost "$web"
fi
checks_end
