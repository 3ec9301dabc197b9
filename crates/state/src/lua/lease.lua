-- The generic cell rate algorithm over one key: when its bucket will be full again, in microseconds of this Redis' clock.
-- ARGV: interval_us, burst, want. Answers how many were granted, and how long until there is another, in milliseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, want = tonumber(ARGV[1]), tonumber(ARGV[3])
local size = interval * ARGV[2]
-- Neither another rate nor a clock that went back makes it wait longer than an empty bucket does.
local full_at = tonumber(redis.call('GET', KEYS[1]) or '') or now
full_at = math.max(now, math.min(full_at, now + size))
local granted = math.min(want, math.floor((now + size - full_at) / interval))
if granted > 0 then
  full_at = full_at + granted * interval
  -- A full bucket is as good as none.
  redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1)
end
return {granted, math.max(0, math.ceil((full_at + interval - now - size) / 1000))}
