-- A page of the ledger of all. KEYS: ledger, marks. ARGV: the number to begin with, and how many.
-- Answers the number of the first entry, how many are no longer kept, and the entries.
local trimmed = tonumber(redis.call('HGET', KEYS[2], 'trimmed') or 0)
local kept = redis.call('LLEN', KEYS[1])
local skipped = math.min(math.max(tonumber(ARGV[1]) - trimmed, 0), kept)
local limit = math.min(tonumber(ARGV[2]), kept - skipped)
local entries = {}
if limit > 0 then entries = redis.call('LRANGE', KEYS[1], skipped, skipped + limit - 1) end
return {trimmed + skipped, trimmed, entries}
