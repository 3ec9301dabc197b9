-- Begins every script. KEYS:
--   meta     hash: owner, layout, applied, as_of_ms, entries (how many there are)
--   entries  hash: key -> due time (8 bytes, big-endian) and value
--   due      sorted set: the keys not fired, by due time
--   fired    set: the keys fired and neither removed nor put again since
local meta, entries, due, fired = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

-- Each entry is due or fired, and meta knows how many there are. When the counts differ, somebody deleted one of the keys,
-- or all but meta: as good as wiped.
local function torn(counted)
  local stored = redis.call('HLEN', entries)
  return stored ~= tonumber(counted or -1) or stored ~= redis.call('ZCARD', due) + redis.call('SCARD', fired)
end

-- A position too far in the future was told by a clock that was set back since: nobody knows how old it is.
local function young(now_ms, as_of_ms, age_max_ms)
  local age_ms = tonumber(now_ms) - tonumber(as_of_ms)
  return age_ms <= tonumber(age_max_ms) and age_ms >= -clocks_differ_max_ms
end
