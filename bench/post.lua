-- The request that wrk sends, and its result as one line of JSON.
-- MODEL, KEY, BYTES and SOURCE come from the environment. BYTES below 4000 gives a short chat of
-- about 2 KB, more gives the history of a coding agent that reads the file SOURCE piece by piece.
local model = os.getenv("MODEL") or "bench"
local key = os.getenv("KEY") or "none"
local bytes = tonumber(os.getenv("BYTES") or "2000")

local parts, size = {}, 0
local function add(text)
    parts[#parts + 1] = text
    size = size + #text + 1
end

local function chat(i)
    add(string.format('{"role":"%s","content":"Turn %d: the worker reads \\"ready\\" sockets in ' ..
        'turn.\\nExplain what happens when one of them has more bytes than the buffer takes, and ' ..
        'what the others wait for meanwhile. Keep the answer short, and end with a table of the ' ..
        'costs."}', i % 2 == 0 and "user" or "assistant", i))
end

local source, from = nil, 1
local function agent(i)
    if not source then
        local file = assert(io.open(os.getenv("SOURCE")))
        source = file:read("*a")
        file:close()
    end
    local piece = source:sub(from, from + 6000)
    from = from + 6000 < #source and from + 6000 or 1
    piece = piece:gsub('[\\"]', '\\%0'):gsub("\n", "\\n"):gsub("\t", "\\t")
    add(string.format('{"role":"assistant","content":null,"tool_calls":[{"id":"call_%04d","type":' ..
        '"function","function":{"name":"read_file","arguments":"{\\"path\\":\\"src/part_%d.c\\",' ..
        '\\"from\\":1}"}}]},{"role":"tool","tool_call_id":"call_%04d","content":"%s"}',
        i, i, i, piece))
end

local i = 0
while size < bytes - 250 do
    if bytes < 4000 then chat(i) else agent(i) end
    i = i + 1
end

-- The order in which the official Python package writes its keys.
wrk.method = "POST"
wrk.body = '{"messages":[' .. table.concat(parts, ",") .. '],"model":"' .. model ..
    '","max_tokens":1024,"temperature":0.7}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. key

function done(summary, latency)
    local e = summary.errors
    io.write(string.format('RESULT {"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,' ..
        '"errors":%d}\n', summary.requests, summary.duration / 1e6, latency:percentile(50),
        latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
