-- Begins every script. KEYS:
--   meta     hash: owner, layout, applied, as_of_ms; how many entries, values, waiting (in parked) and lanes there are; bytes
--            of all values; the last lane number given
--   entries  hash: key -> entry, packed: due time (8 bytes that sort as it does), offset in pending (8), bytes of the value
--            (4), flags (1), and the number of its lane (4) if it has one
--   values   hash: key -> value, of those that are kept; the others are in the log
--   due      sorted set: the keys that wait until they are due, by due time
--   fired    hash: the keys fired and neither removed nor put again since -> number of the lane, or '' when it was not by
--            credit
--   parked   sorted set of places: number of the lane, due time and key of each that waits in a lane, the latter two
--            shortened; all scores are 0
--   lanes    hash: number -> how many wait in the lane (4 bytes), how many entries and marks name it (4), its name
--   names    hash: name of a lane -> its number (4 bytes)
local meta, entries, values, due = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local fired, parked, lanes, names = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
-- Of a packed entry: 1: certainly not fired before; 2: it came with its value; 4: it has a lane.
local VALUE, LANE = 2, 4

-- Each entry is due, parked or fired, and meta knows how many there are of each kind. When the counts differ, somebody
-- deleted one of the keys, or all but meta: as good as wiped.
local function torn(counted, kept, waiting, named)
  local stored, places, numbers = redis.call('HLEN', entries), redis.call('ZCARD', parked), redis.call('HLEN', lanes)
  return stored ~= tonumber(counted or -1)
    or redis.call('HLEN', values) ~= tonumber(kept or -1)
    or places ~= tonumber(waiting or -1)
    or numbers ~= tonumber(named or -1)
    or numbers ~= redis.call('HLEN', names)
    or stored ~= redis.call('ZCARD', due) + places + redis.call('HLEN', fired)
end

-- A position too far in the future was told by a clock that was set back since: nobody knows how old it is.
local function young(now_ms, as_of_ms, age_max_ms)
  local age_ms = tonumber(now_ms) - tonumber(as_of_ms)
  return age_ms <= tonumber(age_max_ms) and age_ms >= -clocks_differ_max_ms
end

local function bytes_of(packed)
  return (struct.unpack('>I4', packed, 17))
end

-- The number of a packed entry's lane, or nil.
local function number_of(packed)
  if packed:byte(21) >= LANE then
    return packed:sub(22, 25)
  end
end
