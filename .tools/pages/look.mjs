// usage: node look.mjs TOOLS PAGES SCREENSHOTS
//
// Opens each page of a directory in a headless Chromium, in each window and colour scheme, and
// exits 1 if one has a fault. First it must find each fault of faults.html.
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'

const [tools, pages, shots] = process.argv.slice(2)
const require = createRequire(`${tools}/`)
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

// layoutFaults runs in the page. It returns what a reader cannot read.
function layoutFaults() {
  const faults = []
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} px wide`)
  const lines = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node; (node = walker.nextNode());) {
    const parent = node.parentElement
    const text = node.data.trim()
    if (!text || parent.closest('svg, thead')) continue
    const name = `${parent.tagName.toLowerCase()} "${text.slice(0, 40)}"`
    const range = document.createRange()
    range.selectNodeContents(node)
    for (const r of range.getClientRects()) {
      if (r.width < 1) continue
      if (r.left < -1 || r.right > innerWidth + 1) faults.push(`clipped at the window: ${name}`)
      if (r.height < 9) faults.push(`smaller than 9 px: ${name}`)
      lines.push({ top: r.top, bottom: r.bottom, left: r.left, right: r.right, name })
    }
    for (let e = parent; e && e !== document.body; e = e.parentElement) {
      const style = getComputedStyle(e)
      if (style.overflow !== 'visible' && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)) faults.push(`clipped: ${name}`)
    }
  }
  lines.sort((a, b) => a.top - b.top)
  lines.forEach((a, i) => {
    for (let j = i + 1; j < lines.length && lines[j].top < a.bottom - 3; j++) {
      const b = lines[j]
      if (a.left < b.right - 2 && b.left < a.right - 2) faults.push(`covers: ${a.name} and ${b.name}`)
    }
  })
  return [...new Set(faults)].slice(0, 10)
}

// look opens one page in a window, in both colour schemes, and returns its faults.
async function look(browser, pages, shots, file, width) {
  const faults = []
  const context = await browser.newContext({ viewport: { width, height: 800 } })
  await context.addInitScript(axe)
  context.setDefaultTimeout(180_000)
  const page = await context.newPage()
  page.on('console', (message) => faults.push(`console: ${message.text()}`))
  page.on('request', (request) => { if (request.url() !== `file://${pages}/${file}`) faults.push(`loads ${request.url()}`) })
  page.on('dialog', (dialog) => { faults.push(`a script ran: ${dialog.message()}`); dialog.dismiss() })
  await page.goto(`file://${pages}/${file}`)
  faults.push(...await page.evaluate(layoutFaults))
  const height = Math.min(4000, await page.evaluate(() => document.documentElement.scrollHeight))
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
    for (const v of violations) {
      const text = `${colorScheme}: axe: ${v.impact}: ${v.id}: ${v.nodes[0].html.slice(0, 120)}`
      if (['serious', 'critical'].includes(v.impact)) faults.push(text)
      else console.log(`  note: ${file}: ${text}`)
    }
    if (shots) await page.screenshot({ path: `${shots}/${file.replace('.html', '')}-${width}-${colorScheme}.png`, fullPage: true, clip: { x: 0, y: 0, width, height } })
  }
  await context.close()
  return faults
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] })
let failed = 0
const found = await look(browser, new URL('.', import.meta.url).pathname.replace(/\/$/, ''), '', 'faults.html', 360)
for (const kind of ['the page is', 'clipped at the window', 'clipped: p', 'smaller than', 'covers', 'loads', 'a script ran', 'light: axe: serious: color-contrast']) {
  if (found.some((fault) => fault.startsWith(kind))) continue
  failed++
  console.error(`not found in faults.html: ${kind}`)
}
const files = readdirSync(pages).sort()
for (const file of files) {
  for (const width of [360, 1400]) {
    for (const fault of await look(browser, pages, shots, file, width)) {
      failed++
      console.error(`${file}, ${width} px: ${fault}`)
    }
  }
}
await browser.close()
console.log(`${files.length} pages in ${4 * files.length} views: ${failed} faults`)
process.exit(failed ? 1 : 0)
