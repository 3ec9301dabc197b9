-- For the scripts that move entries: between what is due, what is parked and what is fired.
local bytes, number_given = tonumber(seen[8] or 0), tonumber(seen[9] or 0)
-- Lanes by their number as far as they were looked at, the numbers of names, and whether a lane's name was deleted.
local known, numbers, broken = {}, {}, false
local touched = {}

local function lane_at(number)
  local lane = known[number]
  if not lane then
    local stored = redis.call('HGET', lanes, number)
    if stored then
      local waiting, named = struct.unpack('>I4I4', stored)
      lane = {waiting = waiting, named = named, name = stored:sub(9)}
    else
      lane, broken = {waiting = 0, named = 0, name = ''}, true
    end
    known[number] = lane
  end
  return lane
end

-- The number of a lane, which one more entry or mark names from now on.
local function name(lane)
  local number = numbers[lane] or redis.call('HGET', names, lane)
  if not number then
    repeat
      number_given = number_given % 4294967294 + 1
      number = struct.pack('>I4', number_given)
    until not known[number] and redis.call('HEXISTS', lanes, number) == 0
    redis.call('HSET', names, lane, number)
    known[number] = {waiting = 0, named = 0, name = lane}
  end
  numbers[lane] = number
  lane_at(number).named = lane_at(number).named + 1
  return number
end

local function unname(number)
  if number then
    lane_at(number).named = lane_at(number).named - 1
  end
end

local function count(number, by)
  touched[number] = true
  lane_at(number).waiting = lane_at(number).waiting + by
end

-- A due time as packed, in 6 bytes that sort as it does but beyond thousands of years: up to 30 bytes a place takes 16
-- bytes less of memory than a longer one.
local function short_due(packed)
  local high, third = packed:sub(1, 2), packed:byte(3)
  if high == '\128\0' and third < 128 then
    return string.char(third + 128) .. packed:sub(4, 8)
  elseif high == '\127\255' and third >= 128 then
    return string.char(third - 128) .. packed:sub(4, 8)
  end
  return (packed:byte(1) >= 128 and '\255' or '\0'):rep(6)
end

-- Zero bytes, of which the keys of pending have many together, become one and 255 less their number: the more there are,
-- the lower it sorts.
local function short(key)
  return (key:gsub('%z+', function(zeros)
    return ('\0\0'):rep(math.floor(#zeros / 255)) .. (#zeros % 255 > 0 and '\0' .. string.char(255 - #zeros % 255) or '')
  end))
end

local function place(number, packed, key)
  return number .. short_due(packed) .. short(key)
end

local function park(number, packed, key)
  redis.call('ZADD', parked, 0, place(number, packed, key))
  count(number, 1)
end

-- Takes a key from where it is; was: its packed entry, if there is one. A deletion goes first: a full Redis refuses a
-- script whose first write may take memory, and goes on with others.
local function leave(key, was)
  if not was or redis.call('ZREM', due, key) == 1 then
    return
  end
  local by = redis.call('HGET', fired, key)
  if by then
    redis.call('HDEL', fired, key)
    unname(by ~= '' and by)
    return
  end
  local number = number_of(was)
  if number and redis.call('ZREM', parked, place(number, was, key)) == 1 then
    count(number, -1)
  end
end

local function forget_value(key, packed)
  if redis.call('HDEL', values, key) == 1 then
    bytes = bytes - bytes_of(packed)
  end
end

-- Ends every script that changes something: writes what is known of lanes, and how much there is of everything.
local function remember()
  for number, lane in pairs(known) do
    if lane.named == 0 then
      redis.call('HDEL', lanes, number)
      redis.call('HDEL', names, lane.name)
    else
      redis.call('HSET', lanes, number, struct.pack('>I4I4', lane.waiting, lane.named) .. lane.name)
    end
  end
  redis.call('HSET', meta, 'entries', redis.call('HLEN', entries), 'values', redis.call('HLEN', values),
    'waiting', redis.call('ZCARD', parked), 'lanes', redis.call('HLEN', lanes), 'bytes', bytes,
    'number', number_given)
end

-- How many wait in the lanes touched, which are listed in any order.
local function waiting()
  local all = {}
  for number in pairs(touched) do
    all[#all + 1] = known[number].name
    all[#all + 1] = tostring(known[number].waiting)
  end
  return all
end
