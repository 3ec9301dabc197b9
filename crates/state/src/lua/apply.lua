-- ARGV[5..9]: upto, as_of_ms or ''; bytes of values kept at most, percent of maxmemory used at most, values let go of at
-- most. Then five for each change: key, due_at_ms, packed entry without its lane's number or '' for a tombstone, lane, value.
local FIRST_CHANGE, FIELDS = 10, 5
-- What a position takes in memory, and a value beside its bytes, about.
local POSITION_BYTES, VALUE_BYTES = 250, 90
local bytes_max, drop_max = tonumber(ARGV[7]), tonumber(ARGV[9])
-- Room for values by the memory of all, as far as Redis tells.
local memory

local info = redis.pcall('INFO', 'memory')
if type(info) == 'string' then
  local used, limit = tonumber(info:match('used_memory:(%d+)')), tonumber(info:match('\nmaxmemory:(%d+)'))
  if used and limit and limit > 0 then
    memory = math.floor(limit * tonumber(ARGV[8]) / 100) - used
  end
end

local puts = 0
for i = FIRST_CHANGE, #ARGV, FIELDS do
  if ARGV[i + 2] ~= '' then
    puts = puts + 1
  end
end
-- Whether Redis is full: then it refuses a first write, were it one that changes nothing.
local full = false
if puts > 0 then
  local probe = redis.pcall('HSET', meta, 'owner', ARGV[1])
  if type(probe) == 'table' and probe.err then
    if not probe.err:find('OOM', 1, true) then
      return probe
    end
    full = true
  end
end

-- Above a mark values give way to positions.
local freed = 0
if bytes > bytes_max or full or (memory and memory < 0) then
  for _, key in ipairs(redis.call('HRANDFIELD', values, drop_max)) do
    if not full and bytes <= bytes_max and (not memory or memory >= 0) then
      break
    end
    local length = redis.call('HSTRLEN', values, key)
    redis.call('HDEL', values, key)
    bytes, freed = bytes - length, freed + length + VALUE_BYTES
    memory = memory and memory + length + VALUE_BYTES
  end
end
if full and freed < puts * POSITION_BYTES then
  if freed > 0 then
    remember()
  end
  return {'full'}
end

local function keeps(length)
  return not full and bytes + length <= bytes_max and (not memory or length <= memory)
end

for i = FIRST_CHANGE, #ARGV, FIELDS do
  local key, due_at_ms, packed, lane, value = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local was = redis.call('HGET', entries, key)
  if packed == '' then
    leave(key, was)
    if was then
      redis.call('HDEL', entries, key)
      forget_value(key, was)
      unname(number_of(was))
    end
  else
    local flags = packed:byte(21)
    local number = flags >= LANE and name(lane)
    if number then
      packed = packed .. number
    end
    redis.call('HSET', entries, key, packed)
    if was then
      -- It ends the mark, too: the tombstone between may have been compacted away.
      leave(key, was)
      forget_value(key, was)
      unname(number_of(was))
    end
    if flags % LANE >= VALUE and keeps(#value) then
      redis.call('HSET', values, key, value)
      bytes = bytes + #value
      memory = memory and memory - #value - VALUE_BYTES
    end
    memory = memory and memory - POSITION_BYTES
    if number then
      park(number, packed, key)
    else
      redis.call('ZADD', due, due_at_ms, key)
    end
  end
end
if broken then
  return {'mismatch'}
end
-- Of an apply without changes this is the first write: a full Redis must not keep the position from being renewed.
redis.call('HDEL', meta, 'applied')
redis.call('HSET', meta, 'applied', ARGV[5])
if ARGV[6] ~= '' then
  redis.call('HSET', meta, 'as_of_ms', ARGV[6])
end
remember()
local kept = redis.call('HLEN', values)
local room = math.max(0, math.min(bytes_max - bytes, memory or math.huge))
return {'applied', redis.call('HLEN', entries), kept, redis.call('ZCARD', due) + redis.call('ZCARD', parked) - kept,
  string.format('%.0f', room), waiting()}
