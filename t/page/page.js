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
  (open.pages = open.pages || []).push(page);
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
    const shown = (await page.locator('#refused-table .more dd code').first().textContent()).replace(/ /g, '').toLowerCase();
    is(shown, told.certs.globex.sha256, 'its thumbprint');

    is(await page.evaluate(() => { try { document.body.innerHTML = '<b>'; return 'set'; } catch (e) { return e.name; } }), 'TypeError',
       'innerHTML throws');
    page.wrong = page.wrong.filter((text) => !/TrustedHTML/.test(text));

    const stores = await page.locator('#stores-table').innerText();
    ok(/uploaded/.test(stores) && /bad<img src=x>.pem \(rejected\): /.test(stores), 'what is wrong in a store', stores);
    await page.locator('#expiring-table tr', { hasText: 'soon' }).waitFor();
    ok(/4 days/.test(await page.locator('#expiring-table').innerText()), 'what expires');

    /* live */
    await ask('globex', told.app, '/');
    await page.waitForFunction(() => [...document.querySelectorAll('#refused-table tbody tr')].some((row) =>
      /CN=globex/.test(row.textContent) && row.cells.length > 1 && Number(row.cells[1].textContent) > 3));
    ok(true, 'another refusal is shown');
    is(await page.locator('#refused-table .more').count(), 1, 'what was opened stays open');
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
    is(await page.locator('#refused-table .more').count(), told.hostile, 'all hostile certificates are shown, with details');
    is(await page.evaluate(() => window.bad), undefined, 'no script of theirs ran');
    is(await page.evaluate(() => document.querySelectorAll('main img, main script, main a[href^="javascript"], main [onerror]').length), 0,
       'no markup of theirs');
    ok(await page.evaluate(() => !/[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufffd]/.test(document.querySelector('main').textContent)),
       'nothing that turns or hides');
    is(page.wrong.join('; '), '', 'nothing went wrong in the browser');
    await page.context().close();
  },

  async function lets_in() {
    is(await status('self', told.app, '/'), 401, 'self is refused');
    is(await status('rsa', told.page, '/admin/'), 401, 'who may only look is no administrator');

    const page = await open('inter', '/admin/');
    const row = page.locator('#refused-table tbody tr', { hasText: 'CN=self' }).filter({ hasText: 'partners' });
    await row.getByRole('button', { name: /^Details/ }).click();
    await page.getByRole('button', { name: 'Allow…' }).click();

    const dialog = page.getByRole('dialog');
    const allow = dialog.getByRole('button', { name: 'Allow' });
    const owner = dialog.getByLabel('thumbprint, from the owner');
    ok(await allow.isDisabled(), 'nothing is compared yet');
    await owner.fill(told.certs.globex.sha256);
    ok(await allow.isDisabled(), 'another thumbprint');
    const groups = told.certs.self.sha256.toUpperCase().match(/../g).join(':');
    await owner.fill(`sha256 Fingerprint=${groups}`);
    ok(await allow.isEnabled(), 'the same thumbprint');
    await shot(page, 'allow');
    await owner.press('Enter');
    ok(await dialog.isVisible(), 'no button is pressed by Enter in a field');

    await allow.click();
    const undo = page.getByRole('button', { name: /^Undo/ });
    await undo.waitFor();
    await page.locator('#say', { hasText: 'is in force' }).waitFor();
    is(await status('self', told.app, '/'), 200, 'self is allowed');
    await shot(page, 'allowed');

    /* the name is taken, whatever else is said */
    const file = (await undo.textContent()).replace(/.* /, '');
    const put = (headers) => status('inter', told.page, `/admin/certs/${file}`, { method: 'PUT', body: 'x', headers });
    is(await put({ 'If-None-Match': '*' }), 412, 'not overwritten');
    is(await put({ 'Sec-Fetch-Site': 'cross-site' }), 403, 'not by other sites');
    is(await put({ 'Origin': 'https://evil.test' }), 403, 'nor from them');

    await undo.click();
    await page.locator('#say', { hasText: 'was removed' }).waitFor();
    is(await status('self', told.app, '/'), 401, 'self is refused again');

    /* a file, dropped as a browser tells it */
    await page.getByText('Try a certificate').click();
    await page.locator('#try-policy').selectOption('partners');
    await page.evaluate((text) => {
      const data = new DataTransfer();
      data.items.add(new File([text], 'x.crt'));
      document.getElementById('try').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    }, fs.readFileSync(told.certs.foreign.crt, 'latin1'));
    await page.locator('#try-why').getByRole('button', { name: 'Allow…' }).click();
    await dialog.getByLabel('Name of the file').fill('../x');
    await dialog.getByLabel('another way').check();
    ok(await allow.isDisabled(), 'no name that leads elsewhere');
    await dialog.getByLabel('Name of the file').fill('dropped');
    await allow.click();
    await page.locator('#say', { hasText: 'dropped.pem is in force' }).waitFor();
    is(await status('foreign', told.app, '/'), 200, 'what was dropped is allowed');

    /* what the store holds, and taking it out again */
    await page.getByText('What the stores hold').click();
    await page.locator('#held [name=q]').fill('dropped');
    await page.locator('#held').getByRole('button', { name: 'Search' }).click();
    await page.locator('#held tbody tr').filter({ hasNotText: 'soon' }).first().waitFor();
    await page.waitForFunction(() => document.querySelectorAll('#held tbody tr').length === 1);
    await page.getByRole('button', { name: 'Remove dropped.pem', exact: true }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.locator('#say', { hasText: 'dropped.pem was removed' }).waitFor();
    for (let i = 0; i < 100 && await status('foreign', told.app, '/') === 200; i++) {
      await new Promise((go) => setTimeout(go, 50));
    }
    is(await status('foreign', told.app, '/'), 401, 'and is refused again');

    /* who is allowed can be shut out */
    is(await status('acme', told.app, '/'), 200, 'acme is allowed');
    await page.locator('#try-text').fill(fs.readFileSync(told.certs.acme.crt, 'latin1'));
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.locator('#try-why').getByRole('button', { name: 'Block…' }).click();
    await dialog.getByRole('button', { name: 'Block' }).click();
    await page.locator('#say', { hasText: 'is in force in blocked' }).waitFor();
    is(await status('acme', told.app, '/'), 401, 'and is refused once it is blocked');
    await undo.click();
    await page.locator('#say', { hasText: 'was removed' }).waitFor();
    is(await status('acme', told.app, '/'), 200, 'until that is undone');

    /* expired ones can't be helped by a store */
    await page.locator('#try-text').fill(fs.readFileSync(told.certs.expired.crt, 'latin1'));
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.locator('#try-why', { hasText: 'refused all the same' }).waitFor();
    is(await page.locator('#try-why').getByRole('button').count(), 0, 'no button that would not help');
    is(page.wrong.join('; '), '', 'nothing went wrong in the browser');
    await page.context().close();
  },

  /* who may only look: no button that changes something */
  async function only_looks() {
    const page = await open('rsa', '/');
    const row = page.locator('#refused-table tbody tr', { hasText: 'CN=globex' }).filter({ hasText: 'partners' });

    /* by the keyboard alone */
    await row.waitFor();
    await page.keyboard.press('Tab');
    is(await page.evaluate(() => document.activeElement.className), 'skip', 'the first key leads to the content');
    await page.keyboard.press('Enter');
    for (let i = 0; i < 40 && !await page.evaluate(() => /globex/.test(document.activeElement.ariaLabel)
                                                            && document.activeElement.ariaExpanded === 'false'); i++) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    const more = page.locator('#refused-table .more').first();
    await more.getByText('Lines that would allow it').waitFor();
    ok(/spki=/.test(await more.textContent()), 'why it was refused, and what would help');
    is(await page.evaluate(() => document.activeElement.ariaExpanded), 'true', 'the focus stays');
    await page.keyboard.press('Tab');
    ok(await page.evaluate(() => !!document.activeElement.closest('.more')), 'and goes on to what was opened');
    is(await page.locator('button').filter({ hasText: /^(Allow|Block|Remove|Undo)/ }).count(), 0, 'nothing to change');
    is(await page.locator('[role=status]').count(), 1, 'one place that speaks');

    /* a pasted certificate, and a key by mistake */
    await page.getByText('Try a certificate').click();
    await page.locator('#try-policy').selectOption('partners');
    await page.locator('#try-text').fill(fs.readFileSync(told.certs.acme.crt, 'latin1'));
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.locator('#try-why b.allow').waitFor();
    ok(true, 'a pasted certificate is explained');
    let sent = 0;
    page.on('request', (r) => { sent += r.method() === 'POST'; });
    await page.locator('#try-text').fill(fs.readFileSync(told.certs.acme.key, 'latin1'));
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByText('There is a private key in it').waitFor();
    is(sent, 0, 'a private key stays here');

    await page.getByText('Rules not used').click();
    await page.locator('#unused code', { hasText: 'spki=5b5b' }).waitFor();
    ok(!/label=acme/.test(await page.locator('#unused').textContent()), 'rules that were never used');
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
      for (const page of open.pages.splice(0)) { console.log('# ' + page.wrong.join('; ')); console.log('# ' + await page.locator('#refused-table').innerText().catch(String)); }
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
