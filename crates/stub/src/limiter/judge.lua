-- Judges one request over the counted buckets in their order: the first that is too deep in debt refuses it, or else
-- it adds to each. Answers the position of the one that refused, or 0, and all debts.
--
-- KEYS: one a bucket, "DEBT AT" in it. ARGV: the time in microseconds, what a request costs, then rate and burst of each
-- bucket. An empty time is that of Redis, and a key lives until its debt has drained; a test's own time does not pass as
-- Redis's does, so its keys live for an hour. Numbers are below 2^53, which Lua counts exactly; they are written with
-- %.0f because Lua by itself writes 14 digits. What is less than a microsecond must not be added to a time: it is lost.
local given, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = given
if not given then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local refused, debts, times = 0, {}, {}
for i, key in ipairs(KEYS) do
  local rate, burst = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local debt, at = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  debt, at = tonumber(debt or 0), tonumber(at or 0)
  debts[i] = math.max(0, debt - math.max(0, now - at) * rate)
  times[i] = math.max(now, at)
  if refused == 0 and debts[i] + cost > burst * cost then refused = i end
end
if refused == 0 then
  for i, key in ipairs(KEYS) do
    debts[i] = debts[i] + cost
    local full_ms = math.ceil((debts[i] / tonumber(ARGV[2 * i + 1]) + (times[i] - now)) / 1000)
    if given then full_ms = 3600000 end
    redis.call('SET', key, string.format('%.0f %.0f', debts[i], times[i]), 'PX', string.format('%.0f', full_ms))
  end
end
return {refused, unpack(debts)}
