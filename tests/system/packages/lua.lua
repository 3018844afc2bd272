-- Lua: files, lines, seeks, pipes to other programs, coroutines, patterns, collection, errors, the system's library.
local name = os.tmpname()
local file = assert(io.open(name, "w"))
for n = 1, 5000 do file:write(n, " ", n * n, "\n") end
print("written", file:seek("cur"), file:close())
local sum = 0
for line in io.lines(name) do
  local a, b = line:match("^(%d+) (%d+)$")
  assert(a * a == b + 0)
  sum = sum + b
end
print("sum", sum)
file = assert(io.open(name, "r+b"))
file:setvbuf("full", 100)
print("end", file:seek("end"))
file:seek("set", 10)
file:write("XYZ")
file:seek("set", 8)
print("read", (file:read(8):gsub("\n", "/")), file:read("n", "n", "l"))
file:close()
print(os.rename(name, name .. ".moved"), (select(2, io.open(name)):gsub(name, "NAME")))
print(os.remove(name .. ".moved"), select(3, os.remove(name)))

local pipe = assert(io.popen("while read line; do echo got $line; done; exit 3", "w"))
pipe:write("one\ntwo\n")
print(pipe:close())
pipe = io.popen("echo a; echo b >&2; kill -9 $$", "r")
print(pipe:read("a"), pipe:close())
print(os.execute("exit 4"))
print(os.execute("test -d /proc/self"))

local function numbers(limit)
  return coroutine.wrap(function() for n = 2, limit do coroutine.yield(n) end end)
end
local function filter(source, by)
  return coroutine.wrap(function() for n in source do if n % by ~= 0 then coroutine.yield(n) end end end)
end
local source, primes = numbers(500), {}
while true do
  local n = source()
  if not n then break end
  primes[#primes + 1] = n
  source = filter(source, n)
end
print("primes", #primes, primes[#primes])

local freed = 0
for _ = 1, 20000 do setmetatable({}, {__gc = function() freed = freed + 1 end}) end
collectgarbage()
collectgarbage()
print("freed", freed, collectgarbage("count") < 20000)
print(pcall(function() local nothing; return nothing.field end))
print(select(2, pcall(string.rep, "x", 1 << 40)))
local function deep(n) return n == 0 and 0 or 1 + deep(n - 1) end
print(deep(10000), (select(2, pcall(deep, 1e7)):gsub("\n.*", "")))
print(os.date("!%Y-%m-%d %H:%M:%S", 86400 * 365), os.getenv("NONE"), os.time() > 1600000000, os.clock() >= 0)
print(require("string") == string, pcall(require, "none") == false, string.format("%q %5.2f %x", "a\0b", 1 / 3, 255), math.type(2 ^ 53), 7 // 2)
os.exit(5, true)
