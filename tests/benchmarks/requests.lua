-- What wrk sends: bodies made up front, people and event ids fresh each time.
-- Arguments: key, events a request, mix (plain or rich), a mark that makes this run's ids its own.
local thread_count = 0

function setup(thread)
  thread_count = thread_count + 1
  thread:set("number", thread_count)
end

function init(arguments)
  key, count, mix, mark = arguments[1], tonumber(arguments[2]), arguments[3], arguments[4]
  sent = 0
  math.randomseed(number * 7919)
  headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. key }
  path = "/api/v1/subscribers/events/bulk"
end

function request()
  sent = sent + 1
  local mine = mark .. "-" .. number .. "-" .. sent
  local email = "p" .. math.random(0, 1999) .. "@example.com"
  if mix == "rich" and sent % 10 == 0 then
    email = "new-" .. mine .. "@example.com"
  end
  local events = {}
  for position = 1, count do
    local name = "name" .. (position % 10)
    if mix == "rich" and (sent + position) % 10 == 0 then
      name = "buy"
    end
    events[position] = '{"name":"' .. name .. '","eventId":"' .. mine .. "-" .. position
      .. '","properties":{"order":{"id":"A-' .. position .. '","total":19.5},"plan":"pro"}}'
  end
  return wrk.format("POST", path, headers,
    '{"email":"' .. email .. '","events":[' .. table.concat(events, ",") .. "]}")
end
