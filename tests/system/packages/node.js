// Node.js: files, streams, compression, digests, children, worker threads, timers, a server on a socket, signals.
const fs = require('fs'), os = require('os'), path = require('path'), zlib = require('zlib'), crypto = require('crypto');
const { execFile, spawn, spawnSync } = require('child_process');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { pipeline } = require('stream/promises'), { once } = require('events'), http = require('http'), net = require('net');

if (!isMainThread) {
  let primes = 0;
  for (let n = workerData.from; n < workerData.to; n++) {
    let prime = n > 1;
    for (let i = 2; prime && i * i <= n; i++) prime = n % i !== 0;
    primes += prime;
  }
  const cells = new Int32Array(workerData.shared);
  Atomics.add(cells, 0, primes);
  if (Atomics.add(cells, 1, 1) === 3) Atomics.notify(cells, 1);
  else while (Atomics.load(cells, 1) < 4) Atomics.wait(cells, 1, Atomics.load(cells, 1), 1000);
  parentPort.postMessage('done');
} else main().then(() => console.log('end'), (error) => { console.error(error); process.exit(1); });

async function files(folder) {
  const name = path.join(folder, 'text');
  await fs.promises.writeFile(name, 'line\n'.repeat(20000));
  await pipeline(fs.createReadStream(name), zlib.createGzip(), fs.createWriteStream(name + '.gz'));
  await pipeline(fs.createReadStream(name + '.gz'), zlib.createGunzip(), fs.createWriteStream(name + '.again'));
  const digest = (file) => crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex').slice(0, 16);
  console.log('files', fs.statSync(name).size, digest(name) === digest(name + '.again'), digest(name));
  const watcher = fs.watch(folder);
  const seen = once(watcher, 'change');
  await fs.promises.rename(name, name + '.moved');
  console.log('watched', (await seen)[0]);
  watcher.close();
  fs.symlinkSync('text.moved', path.join(folder, 'link'));
  console.log(fs.readdirSync(folder).sort().join(' '), fs.readlinkSync(path.join(folder, 'link')));
  await fs.promises.open(path.join(folder, 'none')).catch((error) => console.log(error.code, error.syscall));
}

async function children() {
  const child = spawn('/bin/sh', ['-c', 'read line; echo "got $line"; exit 3']);
  child.stdin.end('words\n');
  let text = '';
  child.stdout.on('data', (piece) => { text += piece; });
  const [status] = await once(child, 'close');
  console.log(text.trim(), status);
  const sleeper = spawn('sleep', ['1000']);
  sleeper.kill('SIGKILL');
  console.log((await once(sleeper, 'exit')).join(' '));
  console.log(spawnSync('/bin/sh', ['-c', 'echo sync; exit 4']).status);
  console.log(await new Promise((done) => execFile('/none', (error) => done(error.code))));
}

async function workers() {
  const shared = new SharedArrayBuffer(8);
  await Promise.all([0, 1, 2, 3].map((part) => {
    const worker = new Worker(__filename, { workerData: { from: part * 5000, to: part * 5000 + 5000, shared } });
    return once(worker, 'exit');
  }));
  console.log('primes', new Int32Array(shared)[0]);
}

async function servers(folder) {
  const socketPath = path.join(folder, 'socket');
  const server = http.createServer((request, answer) => { answer.end(`you asked for ${request.url}`); });
  server.listen(socketPath);
  await once(server, 'listening');
  const ask = (page) => new Promise((done, failed) => http.get({ socketPath, path: page }, async (answer) => {
    let text = '';
    for await (const piece of answer) text += piece;
    done(`${answer.statusCode} ${text}`);
  }).on('error', failed));
  console.log((await Promise.all([1, 2, 3, 4, 5].map((n) => ask(`/${n}`)))).join(', '));
  server.close();
  await once(server, 'close');
  const [error] = await once(net.connect(socketPath), 'error');
  console.log('after it', error.code);
}

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'job-'));
  await files(folder);
  await children();
  await workers();
  await servers(folder);
  const derived = await new Promise((done) => crypto.pbkdf2('word', 'salt', 2000, 16, 'sha256', (_, key) => done(key.toString('hex'))));
  console.log('derived', derived);
  const order = [];
  setTimeout(() => order.push('timeout'), 5);
  setImmediate(() => order.push('immediate'));
  process.nextTick(() => order.push('tick'));
  await new Promise((done) => setTimeout(done, 60));
  console.log(order.join(' '));
  setTimeout(() => process.kill(process.pid, 'SIGUSR2'), 5);
  const alive = setInterval(() => {}, 1000);
  await once(process, 'SIGUSR2');
  clearInterval(alive);
  console.log('signal', eval('(function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2); })')(22));
  try { (function deep() { deep(); })(); } catch (error) { console.log(error.message); }
}
