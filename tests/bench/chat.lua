-- wrk: chat completions of about 400 bytes. Prints one line of JSON.
local body = '{"model":"fake","temperature":0.2,"messages":[{"role":"system","content":' ..
  '"You are a careful assistant of a small office. Answer in the language of the question."},' ..
  '{"role":"user","content":"Compare the two attached offers and say in three sentences which ' ..
  'one is the better choice for us, and why. The first costs 120 a month and comes in two ' ..
  'days, the second costs 150 and comes tomorrow."}]}'
local text

function init()
  text = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end

function request()
  return text
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'WRK {"rps":%.0f,"p50_ms":%.3f,"p99_ms":%.3f,"requests":%d,"non2xx":%d,"socket_errors":%d}\n',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, summary.requests, e.status,
    e.connect + e.read + e.write + e.timeout))
end
