// JavaScript: closures, sorting, regular expressions, JSON, typed arrays, exceptions.
function Account(name) { this.name = name; this.balance = 0; }
Account.prototype.move = function (amount) {
  if (this.balance + amount < 0) throw new RangeError(this.name + ' has only ' + this.balance);
  this.balance += amount;
  return this;
};
var account = new Account('Ada').move(100).move(-30);
try { account.move(-100); } catch (error) { print(error.name + ': ' + error.message); }

var words = 'the quick brown fox jumps over the lazy dog while the cat sleeps'.split(' ');
var counts = words.reduce(function (seen, word) { seen[word] = (seen[word] || 0) + 1; return seen; }, {});
print(JSON.stringify(Object.keys(counts).sort().map(function (word) { return [word, counts[word]]; })));

var bytes = new Uint8Array(1 << 16);
for (var i = 0; i < bytes.length; i++) bytes[i] = (i * 2654435761) >>> 24;
print('checksum', Array.prototype.reduce.call(bytes, function (sum, value) { return (sum * 31 + value) >>> 0; }, 7));

// Garbage: objects in cycles, which counting alone would never free.
for (var round = 0; round < 20000; round++) { var a = {}, b = { a: a, text: 'x' + round }; a.b = b; }
print('2026-11-22'.replace(/(\d+)-(\d+)-(\d+)/, '$3.$2.$1'), 0.1 + 0.2, (1e21 + 1).toString(), parseInt('ff', 16));
print([3, 1, 2].sort().concat([NaN, -0, Infinity]).map(String).join(' '));
