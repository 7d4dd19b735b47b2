/*
 * Drives the page for t/600-page.t: what it says is TAP, and "done" at the
 * end.
 */

'use strict';

const fs = require('fs');
const https = require('https');
const os = require('os');
const path = require('path');
const { chromium } = require('playwright-core');

const told = JSON.parse(fs.readFileSync(process.argv[2]));
const origin = `https://localhost:${told.page}`;
const profiles = [];

function ok(right, what, more) {
  console.log(`${right ? 'ok' : 'not ok'} ${what}`);
  if (!right && more !== undefined) {
    console.log(`# ${more}`);
  }
}

function is(got, wanted, what) {
  ok(got === wanted, what, `got "${got}", wanted "${wanted}"`);
}

/* a request of a client: its status and headers */
function ask(cert, port, url, options = {}) {
  const pair = cert ? { cert: fs.readFileSync(told.certs[cert].crt), key: fs.readFileSync(told.certs[cert].key) } : {};
  return new Promise((resolve, reject) => {
    const request = https.request({ host: '127.0.0.1', port, path: url, servername: 'localhost', rejectUnauthorized: false,
      agent: false, ...pair, ...options }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer));
    });
    request.on('error', reject);
    request.end(options.body);
  });
}

async function status(...args) { return (await ask(...args)).statusCode; }

/* a browser of somebody, with the page open */
async function open(cert, url, options = {}) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'page-'));
  profiles.push(profile);
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: told.chromium,
    headless: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
           '--disable-component-update', '--disable-sync'],
    ignoreHTTPSErrors: true,
    viewport: { width: 1280, height: 720 },
    clientCertificates: [{ origin, certPath: told.certs[cert].crt, keyPath: told.certs[cert].key }],
    ...options,
  });
  const page = browser.pages()[0];
  page.wrong = [];
  page.on('pageerror', (e) => page.wrong.push(String(e)));
  page.on('console', (m) => { if (m.type() === 'error') { page.wrong.push(m.text()); } });
  page.on('request', (r) => { if (!r.url().startsWith(origin) && !r.url().startsWith('data:')) { page.wrong.push(`asked for ${r.url()}`); } });
  page.setDefaultTimeout(15000);
  page.answer = await page.goto(origin + url);
  return page;
}

async function shot(page, name) {
  if (told.shots) {
    await page.screenshot({ path: path.join(told.shots, name + '.png') });
  }
}

const tests = [

  async function looks() {
    for (const [cert, times] of [['globex', 3], ['acme', 2], ['foreign', 1]]) {
      for (let i = 0; i < times; i++) {
        is(await status(cert, told.app, '/'), cert === 'acme' ? 200 : 401, `${cert} asks`);
      }
    }
    is(await status('globex', told.page, '/'), 401, 'the page is not for everybody');

    const page = await open('rsa', '/');
    const policy = page.answer.headers()['content-security-policy'];
    ok(/frame-ancestors 'none'/.test(policy) && /require-trusted-types-for 'script'/.test(policy), 'the policy for contents');

    const row = page.locator('#refused-table tr', { hasText: 'CN=globex' }).filter({ hasText: 'partners' });
    await row.waitFor();
    is(await row.locator('td').nth(1).textContent(), '3', 'globex was refused three times');
    is(await row.locator('td').nth(3).textContent(), 'no_match', 'the reason');
    await row.getByRole('button', { name: /^Details/ }).click();
    const shown = (await page.locator('.more code').first().textContent()).replace(/ /g, '').toLowerCase();
    is(shown, told.certs.globex.sha256, 'its thumbprint');

    is(await page.evaluate(() => { try { document.body.innerHTML = '<b>'; return 'set'; } catch (e) { return e.name; } }), 'TypeError',
       'innerHTML throws');
    page.wrong = page.wrong.filter((text) => !/TrustedHTML/.test(text));

    /* live */
    await ask('globex', told.app, '/');
    await page.waitForFunction(() => [...document.querySelectorAll('#refused-table tbody tr')].some((row) =>
      /CN=globex/.test(row.textContent) && row.cells.length > 1 && row.cells[1].textContent === '4'));
    ok(true, 'another refusal is shown');
    is(await page.locator('.more').count(), 1, 'what was opened stays open');
    await page.locator('#chart rect').first().waitFor();
    ok(/no_match/.test(await page.locator('#legend').textContent()), 'the chart shows it');
    await shot(page, 'page');

    is(page.wrong.join('; '), '', 'nothing went wrong in the browser');
    await page.context().close();
  },

  async function inert() {
    const page = await open('rsa', '/');
    await page.waitForFunction((n) => document.querySelectorAll('#refused-table tbody tr').length >= n, told.hostile);
    for (let i = 0; i < told.hostile; i++) {
      await page.locator('#refused-table tbody tr', { hasText: `hostile${i} ` }).first()
        .getByRole('button', { name: /^Details/ }).click();
    }
    is(await page.locator('.more').count(), told.hostile, 'all hostile certificates are shown, with details');
    is(await page.evaluate(() => window.bad), undefined, 'no script of theirs ran');
    is(await page.evaluate(() => document.querySelectorAll('main img, main script, main a[href^="javascript"], main [onerror]').length), 0,
       'no markup of theirs');
    ok(await page.evaluate(() => !/[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufffd]/.test(document.querySelector('main').textContent)),
       'nothing that turns or hides');
    is(page.wrong.join('; '), '', 'nothing went wrong in the browser');
    await page.context().close();
  },

  async function narrow() {
    const page = await open('rsa', '/', { viewport: { width: 360, height: 640 }, colorScheme: 'dark' });
    await page.locator('#refused-table tbody tr').first().waitFor();
    await page.getByRole('button', { name: /^Details/ }).first().click();
    is(await page.evaluate(() => document.documentElement.scrollWidth), 360, 'nothing is wider than a narrow screen');
    await shot(page, 'narrow');
    ok(await page.evaluate(() => getComputedStyle(document.body).backgroundColor !== 'rgb(255, 255, 255)'), 'dark where it is wanted');
    await page.context().close();
  },
];

(async () => {
  for (const test of tests) {
    try {
      await test();
    } catch (e) {
      ok(false, `${test.name}: ${String(e.stack).split('\n').slice(0, 6).join(' | ')}`);
    }
  }
  console.log('done');
})().catch((e) => console.log(`# ${e.stack}`)).finally(() => {
  for (const profile of profiles) {
    fs.rmSync(profile, { recursive: true, force: true });
  }
  process.exit(0);
});
