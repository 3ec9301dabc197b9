-- For the scripts that move entries: between what is due, what is parked and what is fired.
local touched = {}

local function count(lane, by)
  touched[lane] = true
  for _, field in ipairs({lane, ''}) do
    if redis.call('HINCRBY', lanes, field, by) == 0 then
      redis.call('HDEL', lanes, field)
    end
  end
end

local function place(lane, packed, key)
  return lane .. packed:sub(1, 8) .. key
end

local function park(lane, packed, key)
  redis.call('ZADD', parked, 0, place(lane, packed, key))
  count(lane, 1)
end

-- Takes a key from where it is; was: its packed entry, where the caller knows it. A deletion goes first: a full Redis
-- refuses a script whose first write may take memory, and goes on with others.
local function leave(key, was)
  if redis.call('ZREM', due, key) == 0 and redis.call('HDEL', fired, key) == 0 then
    local packed = was or redis.call('HGET', entries, key)
    local lane = packed and lane_of(packed)
    if lane and redis.call('ZREM', parked, place(lane, packed, key)) == 1 then
      count(lane, -1)
    end
  end
end

-- How many wait in the lanes touched, which are listed in any order.
local function waiting()
  local all = {}
  for lane in pairs(touched) do
    all[#all + 1] = lane
    all[#all + 1] = redis.call('HGET', lanes, lane) or '0'
  end
  return all
end
