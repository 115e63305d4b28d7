// usage: node redeem.mjs TENANT DIRECTORY
//
// Uses counts of the emulator at TENANT over 20 days, so that tmsctl investigate finds every
// kind. It takes programs, CA and password from DIRECTORY, and writes the
// inventory, and a ledger for each registration token.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'

const [tenant, dir] = process.argv.slice(2)
const agent = new https.Agent({ keepAlive: true, maxSockets: 8, ca: readFileSync(`${dir}/ca.pem`) })

// post sends JSON, and fails unless the answer is a success.
const post = (path, body, headers = {}) => new Promise((done, fail) => {
  const request = https.request(tenant + path, { method: 'POST', agent, headers: { 'Content-Type': 'application/json', ...headers } }, (answer) => {
    answer.resume()
    answer.on('end', () => (answer.statusCode < 300 ? done() : fail(new Error(`${path}: HTTP ${answer.statusCode}`))))
  })
  request.on('error', fail)
  request.end(JSON.stringify(body))
})
const lastDay = new Date(Date.now() + 5 * 24 * 3600e3).toISOString().slice(0, 10)
const clock = (hours) => {
  now = Date.now() + hours * 3600e3
  return post('_emulator/knobs', { clock_offset: `${hours}h` })
}
const create = (identifier) => {
  execFileSync(`${dir}/bin/tmsctl`, ['--tenant', tenant, '--user', 'admin', '--password-file', `${dir}/password`, '--ca-file', `${dir}/ca.pem`,
    'registration-token', 'create', '--identifier', identifier, '--count', '2000', '--expires', lastDay, '--out', `${dir}/${identifier}.token`])
  return readFileSync(`${dir}/${identifier}.token`, 'utf8').trim()
}

let redeemed = 0
let now = Date.now()
let ledger // the one of the registration token that is used now
const noted = (id, d, outcome) => ledger.push([id, d.host, d.user, d.instance, d.installation, new Date(now).toISOString(), outcome])
const begin = () => { ledger = [['identifier', 'fqdn', 'system_user_name', 'ref_id_1', 'ref_id_2', 'creation_date', 'outcome']] }
const end = (name) => {
  mkdirSync(`${dir}/ledgers/${name}`)
  writeFileSync(`${dir}/ledgers/${name}/all.csv`, ledger.map((row) => row.map((cell) => `"${(cell ?? '').replaceAll('"', '""')}"`).join(',')).join('\n') + '\n')
}
// redeem uses a count as a device. Its ledger has the outcome.
const redeem = (token, d, outcome) => {
  d = { user: 'regent', instance: 'cad/1', ...d }
  const id = `regent-${String(++redeemed).padStart(5, '0')}`
  if (outcome) noted(id, d, outcome)
  return post('token/api/v5/authTokens', {
    identifier: id, fqdn: d.host, systemUserName: d.user, macAddress: '02:00:00:00:00:01', refId1: d.instance, refId2: d.installation,
  }, { Authorization: `Basic ${token}` })
}
const device = (n, instance = 'cad/1') => ({ host: `ws-${n}.example.com`, installation: `device-${n}`, instance })

// strange redeems one of each kind. host makes their names differ between registration tokens.
async function strange(token, at) {
  const host = (n) => `ws-${at}${n}.example.com`
  const of = (n, more) => ({ host: host(n), installation: `device-${at}${n}`, ...more })
  await redeem(token, of(1), 'confirmed')
  await redeem(token, of(1, { instance: 'cad/9' })) // not_in_ledger
  await redeem(token, of(1, { user: 'mallory', installation: '' })) // unexpected user
  await redeem(token, { host: '<script>alert(1)</script>', installation: '"><img src=x>' })
  await redeem(token, { host: `${'a-very-long-label'.repeat(3)}.${'and-another-label'.repeat(3)}.example.com`, user: 'DOMAIN\\a.person.with.a.long.name', installation: '' })
  await redeem(token, of(2, { installation: `device-${at}1` }), 'confirmed') // clone
  await redeem(token, of(3), 'uncertain')
  await redeem(token, of(4), 'forgotten') // orphan
  await redeem(token, of(5), 'confirmed') // duplicate
  await clock(-2)
  await redeem(token, of(5), 'confirmed')
  noted(`gone-${at}`, of(6), 'confirmed')
  noted(`lost-${at}`, of(7), 'uncertain')
  return [1, 2, 3, 4, 5, 6, 7].map((n) => `${host(n)},${n === 1 ? 'regent' : ''},`)
}

const inventory = ['fqdn,user,retired']
await clock(-20 * 24)
const [, one, twenty, thousand] = ['none', 'one', 'twenty', 'thousand'].map(create)

begin()
end('none')
await redeem(one, device(1), 'confirmed')
inventory.push('ws-1.example.com,,')
end('one')

begin()
for (let hour = 0; hour < 20 * 24 - 4; hour += 8) {
  await clock(hour - 20 * 24)
  const many = 7 + Math.round(16 * Math.exp(-(((hour - 160) / 90) ** 2))) + (hour % 24 === 8 ? 14 : 0)
  await Promise.all(Array.from({ length: many }, () => {
    const n = redeemed + 1
    inventory.push(`ws-${n}.example.com,,`)
    return redeem(thousand, device(n), 'confirmed')
  }))
  if (hour % 96 === 0) await redeem(thousand, { host: `stranger-${hour}`, installation: '' })
}
await clock(-4)
inventory.push(...await strange(thousand, 'y'))
end('thousand')

begin()
for (let n = 0; n < 9; n++) {
  await clock(-14 + n)
  inventory.push(`ws-2${n}00.example.com,,`)
  await redeem(twenty, device(`2${n}00`), 'confirmed')
}
await clock(-4)
inventory.push(...await strange(twenty, 'x'))
end('twenty')
await clock(0)
writeFileSync(`${dir}/inventory.csv`, inventory.join('\n') + '\n')
console.log(`${redeemed} counts used`)
process.exit(0)
