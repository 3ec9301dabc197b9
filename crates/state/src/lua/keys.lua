-- Begins every script. KEYS:
--   meta     hash: owner, layout, applied, as_of_ms
--   entries  hash: key -> due time (8 bytes, big-endian) and value
--   due      sorted set: the keys not fired, by due time
--   fired    set: the keys fired and neither removed nor put again since
local meta, entries, due, fired = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

-- Each entry is due or fired. When the counts differ, somebody deleted one of the keys: as good as wiped.
local function torn()
  return redis.call('HLEN', entries) ~= redis.call('ZCARD', due) + redis.call('SCARD', fired)
end
