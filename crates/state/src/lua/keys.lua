-- Begins every script. KEYS:
--   meta     hash: owner, layout, applied, as_of_ms, entries (how many there are)
--   entries  hash: key -> entry, packed: due time (8 bytes that sort as it does), flags (1: first, 2: a lane follows),
--            lane, value
--   due      sorted set: the keys that wait until they are due, by due time
--   fired    hash: the keys fired and neither removed nor put again since -> lane, or '' when it was not by credit
--   parked   sorted set of places: lane, due time as packed and key of each that waits in a lane; all scores are 0
--   lanes    hash: lane -> how many wait in it; '' -> how many in all; none is not kept
-- A lane is never '': its zero bytes are escaped, and two of them end it, so none is the beginning of another.
local meta, entries, due, fired, parked, lanes = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]

-- Each entry is due, parked or fired, and meta knows how many there are, as lanes knows how many are parked. When the
-- counts differ, somebody deleted one of the keys, or all but meta: as good as wiped.
local function torn(counted)
  local stored, waiting = redis.call('HLEN', entries), redis.call('ZCARD', parked)
  return stored ~= tonumber(counted or -1)
    or stored ~= redis.call('ZCARD', due) + waiting + redis.call('HLEN', fired)
    or waiting ~= tonumber(redis.call('HGET', lanes, '') or 0)
end

-- A position too far in the future was told by a clock that was set back since: nobody knows how old it is.
local function young(now_ms, as_of_ms, age_max_ms)
  local age_ms = tonumber(now_ms) - tonumber(as_of_ms)
  return age_ms <= tonumber(age_max_ms) and age_ms >= -clocks_differ_max_ms
end

-- The lane of a packed entry, or nil.
local function lane_of(packed)
  if packed:byte(9) >= 2 then
    local _, last = packed:find('\0\0', 10, true)
    return packed:sub(10, last)
  end
end
