-- wrk: messages of about 250 bytes, the four levels in turn, over 1,000 conversations of
-- 100 users. Prints one line of JSON.
local levels = { "realtime", "high", "normal", "low" }
local text = "Compare the two attached offers and say in three sentences which one is the " ..
  "better choice for a small office, and why."
local requests, sent = {}, 0

function init()
  for i = 0, 3999 do
    local body = string.format(
      '{"conversation_id":"conv_%06d","user_id":"user_%03d","priority":"%s","content":"%s",' ..
      '"metadata":{"source":"bench","n":%d}}', i % 1000, i % 100, levels[i % 4 + 1], text, i)
    requests[i] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
  end
end

function request()
  sent = sent + 1
  return requests[sent % 4000]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'WRK {"rps":%.0f,"p50_ms":%.2f,"p99_ms":%.2f,"requests":%d,"non2xx":%d,"socket_errors":%d}\n',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, summary.requests, e.status,
    e.connect + e.read + e.write + e.timeout))
end
