-- A page of an application that keeps what belongs to its user as long as the user is there (LuaScope conn): for the
-- first page it reads all of that, from somewhere else that takes its time, for each further one some of it anew.
local PIECES, PIECE_BYTES, ANEW, WAIT_US = 20, 128 * 1024, 4, 80000
local pieces, pages = {}, 0

local function read(i, wait)
    pieces[i] = string.rep(string.char(96 + i), PIECE_BYTES)
    wait(WAIT_US)
end

function handle(r)
    local lines = {"<!doctype html><title>a page</title><ul>"}
    for i = 1, pages == 0 and PIECES or ANEW do
        read((pages * ANEW + i - 1) % PIECES + 1, r.usleep)
    end
    pages = pages + 1
    collectgarbage()
    for i = 1, PIECES do
        lines[#lines + 1] = "<li>" .. pieces[i]:sub(1, 400)
    end
    lines[#lines + 1] = "</ul>\n"
    local page = table.concat(lines, "\n")
    r.content_type = "text/html"
    r.headers_out["Content-Length"] = tostring(#page)
    r:write(page)
    return apache2.OK
end
