// SPDX-License-Identifier: Apache-2.0
// axe-core over pages in jsdom: axe.js NODE-MODULES PAGE...  What needs a drawn page (contrast,
// sizes of targets) cannot be told there, and is said at the end.
'use strict'
const fs = require('fs')
const path = require('path')
const [modules, ...pages] = process.argv.slice(2)
const { JSDOM, VirtualConsole } = require(path.join(modules, 'jsdom'))
const source = fs.readFileSync(path.join(modules, 'axe-core', 'axe.min.js'), 'utf8')

async function violations (page) {
  const dom = new JSDOM(fs.readFileSync(page, 'utf8'),
    { runScripts: 'outside-only', virtualConsole: new VirtualConsole(), pretendToBeVisual: true })
  dom.window.eval(source)
  const result = await dom.window.axe.run(dom.window.document,
    { rules: { 'color-contrast': { enabled: false } } })
  if (result.passes.length < 10) throw new Error('only ' + result.passes.length + ' rules applied')
  console.log(path.basename(page) + ': ' + result.passes.length + ' rules pass')
  for (const v of result.violations) {
    console.log('  ' + v.id + ': ' + v.help + ' ' + v.nodes.map(n => n.html.slice(0, 120)).join('; '))
  }
  return result.violations.length
}

(async () => {
  let bad = 0
  for (const page of pages) bad += await violations(page)
  if (pages.length === 0) throw new Error('no pages')
  process.exit(bad > 0 ? 1 : 0)
})().catch(error => { console.error(error); process.exit(2) })
