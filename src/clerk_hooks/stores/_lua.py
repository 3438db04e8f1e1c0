"""The rules of a store as Lua scripts, each of which Redis runs as one atomic step.

There are three kinds of keys under the prefix. A message has a hash from the names of its handlers
to records: ``running EXPIRES_AT TOKEN [HOLDERS]``, or ``done EXPIRES_AT TOKEN CALL``. An object has
a hash with its mark. An object also has a hash, the holders, of the handlers running for it,
``LEASED_UNTIL MESSAGE_ID``; the handlers' records name its key. Redis deletes a key once everything
in it has expired.

A script may run twice for one call, because redis-py sends a command again if the connection is
lost before the reply. So a claim takes what its own token holds, and a confirmation that finds the
record it would write has succeeded: no other call has the same CALL.
"""

_READ_MARK = """
local function read_mark(key, now)
  local mark = redis.call("HMGET", key, "time", "deleted", "forget_at")
  if not mark[3] or tonumber(mark[3]) <= tonumber(now) then return nil, false end
  return tonumber(mark[1]), mark[2] == "1"
end
"""

CLAIM = (
    _READ_MARK
    + """
local message, mark, holders = KEYS[1], KEYS[2], KEYS[3]
local now, token, leased_until, milliseconds, time, is_delete, latest, message_id =
  string.match(ARGV[1], "^(%S+) (%S+) (%S+) (%S+) (%S*) (%S+) (%S+) (.*)$")

-- Like `idempotency.is_held`.
local function is_held(ends)
  return tonumber(ends) > tonumber(now) and tonumber(ends) <= tonumber(latest)
end

local is_stale, holder_until, holder = false, nil, nil
if mark then
  local newest, deleted = read_mark(mark, now)
  time = tonumber(time)
  is_stale = is_delete == "0" and (deleted or (newest ~= nil and time ~= nil and time < newest))
  for _, entry in ipairs(redis.call("HVALS", holders)) do
    local ends, id = string.match(entry, "^(%S+) (.*)$")
    if id ~= message_id and is_held(ends) then
      local longest = tonumber(holder_until or 0)
      if tonumber(ends) > longest or (tonumber(ends) == longest and id > holder) then
        holder_until, holder = ends, id
      end
    end
  end
end

local outcomes, has_run, busy_until, busy_with = {}, false, nil, ""
for i = 2, #ARGV do
  local drops_stale, handler = string.sub(ARGV[i], 1, 1) == "1", string.sub(ARGV[i], 2)
  local outcome, record = "run", redis.call("HGET", message, handler)
  local state, ends, owner
  if record then state, ends, owner = string.match(record, "^(%S+) (%S+) (%S+)") end
  if state == "done" and tonumber(ends) > tonumber(now) then
    outcome = "done"
  elseif state == "running" and owner ~= token and is_held(ends) then
    outcome, busy_until = "busy", busy_until or ends
  elseif drops_stale and is_stale then
    outcome = "stale"
  elseif drops_stale and holder then
    outcome = "busy"
    if not busy_until then busy_until, busy_with = holder_until, holder end
  else
    local text = "running " .. leased_until .. " " .. token
    if drops_stale then
      redis.call("HSET", holders, message_id .. " " .. handler, leased_until .. " " .. message_id)
      redis.call("PEXPIRE", holders, milliseconds)
      text = text .. " " .. holders
    end
    redis.call("HSET", message, handler, text)
    has_run = true
  end
  outcomes[i - 1] = outcome
end
if has_run then redis.call("PEXPIRE", message, milliseconds) end
return table.concat(outcomes, " ") .. "\\n" .. (busy_until or "") .. "\\n" .. busy_with
"""
)
"""Keys: the message, and with an object its mark and holders.

Returns three lines: an outcome per handler; until when the first busy one is; and the other message
that holds the object. Text is read and packed faster than lists, and this is the hottest call."""

CONFIRM = (
    _READ_MARK
    + """
local message, mark, handler, token = KEYS[1], KEYS[2], ARGV[2], ARGV[3]
local now, forget_at, milliseconds, time, is_delete, call, message_id =
  string.match(ARGV[1], "^(%S+) (%S+) (%S+) (%S*) (%S+) (%S+) (.*)$")

local record = redis.call("HGET", message, handler)
local done = "done " .. forget_at .. " " .. token .. " " .. call
if record == done then return 1 end
local owner, holders = string.match(record or "", "^running %S+ (%S+) ?(.*)$")
if owner ~= token then return 0 end
local newest, deleted
if mark then
  newest, deleted = read_mark(mark, now)
  time = tonumber(time)
  local is_older = newest ~= nil and time ~= nil and time < newest
  if is_delete ~= "1" and (deleted or is_older) then return 0 end
end
if holders ~= "" then redis.call("HDEL", holders, message_id .. " " .. handler) end
redis.call("HSET", message, handler, done)
if redis.call("PTTL", message) < tonumber(milliseconds) then
  redis.call("PEXPIRE", message, milliseconds)
end
if mark then
  if newest == nil or (time ~= nil and time > newest) then newest = time end
  redis.call("HSET", mark,
    "time", newest and string.format("%.0f", newest) or "",
    "deleted", (deleted or is_delete == "1") and "1" or "0",
    "forget_at", forget_at)
  redis.call("PEXPIRE", mark, milliseconds)
end
return 1
"""
)
"""Keys: the message, and the mark if it is to be moved. Returns 1, or 0 if nothing is confirmed."""

RELEASE = """
local message, message_id, token = KEYS[1], ARGV[1], ARGV[2]
for i = 3, #ARGV do
  local record = redis.call("HGET", message, ARGV[i])
  local owner, holders = string.match(record or "", "^running %S+ (%S+) ?(.*)$")
  if owner == token then
    if holders ~= "" then redis.call("HDEL", holders, message_id .. " " .. ARGV[i]) end
    redis.call("HDEL", message, ARGV[i])
  end
end
"""
"""Key: the message."""

FORGET = """
local message, message_id = KEYS[1], ARGV[1]
local handlers = redis.call("HKEYS", message)
for _, handler in ipairs(handlers) do
  local holders = string.match(redis.call("HGET", message, handler), "^running %S+ %S+ (.+)$")
  if holders then redis.call("HDEL", holders, message_id .. " " .. handler) end
end
redis.call("DEL", message)
return #handlers
"""
"""Key: the message. Returns the number of handlers."""

SHOW = """
return redis.call("HGETALL", KEYS[1])
"""
"""Key: the message. Returns its handlers, each followed by its record."""
