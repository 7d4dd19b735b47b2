/*
 * Drives the page for t/600-page.t: what it says is TAP, and "done" at the
 * end.
 */

'use strict';

const { execFileSync } = require('child_process');
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

/*
 * A browser of somebody, with the page open.  It looks five times a second, as
 * if its window came to the front each time, unless "slow".
 */
async function open(cert, url, { slow, ...options } = {}) {
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
  if (!slow) {
    await page.addInitScript(() => setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 200));
  }
  page.wrong = [];
  page.on('pageerror', (e) => page.wrong.push(String(e)));
  page.on('console', (m) => { if (m.type() === 'error') { page.wrong.push(m.text()); } });
  page.on('request', (r) => { if (!r.url().startsWith(origin) && !r.url().startsWith('data:')) { page.wrong.push(`asked for ${r.url()}`); } });
  page.setDefaultTimeout(15000);
  (open.pages = open.pages || []).push(page);
  page.answer = await page.goto(origin + url);
  return page;
}

/* what the server says of how it is, changed by a function in the page */
async function tamper(page, change) {
  await page.evaluate((text) => {
    window.real = window.real || fetch;
    const change = new window.Function('s', text);
    window.fetch = async (url, options) => {
      const answer = await window.real(url, options);
      if (!/status\?$/.test(url)) {
        return answer;
      }
      const s = await answer.json();
      change(s);
      return new Response(JSON.stringify(s));
    };
  }, change);
}

/* a column of the refused certificates */
function column(page, n) {
  return page.locator(`#refused-table tbody tr:not([data-key^=more]) :nth-child(${n}):is(td, th)`).allTextContents();
}

function focused(page) { return page.evaluate(() => document.activeElement.ariaLabel || document.activeElement.textContent.trim()); }

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

    const page = await open('rsa', '/', { slow: true });
    const policy = page.answer.headers()['content-security-policy'];
    ok(/frame-ancestors 'none'/.test(policy) && /require-trusted-types-for 'script'/.test(policy), 'the policy for contents');

    const row = page.locator('#refused-table tr', { hasText: 'CN=globex' }).filter({ hasText: 'partners' });
    await row.waitFor();
    is(await row.locator('td').nth(1).textContent(), '3', 'globex was refused three times');
    is(await row.locator('td, th').nth(3).textContent(), 'no_match', 'the reason');
    await row.getByRole('button', { name: /^Details/ }).click();
    const shown = (await page.locator('#refused-table .more dd code').first().textContent()).replace(/ /g, '').toLowerCase();
    is(shown, told.certs.globex.sha256, 'its thumbprint');

    is(await page.evaluate(() => { try { document.body.innerHTML = '<b>'; return 'set'; } catch (e) { return e.name; } }), 'TypeError',
       'innerHTML throws');
    page.wrong = page.wrong.filter((text) => !/TrustedHTML/.test(text));

    is(await page.locator('main > :first-child h2').textContent(), '✗ 1 thing wrong', 'first comes whether something is wrong');
    is(await page.locator('#wrong li').textContent(), 'The store uploaded has a bad file, bad<img src=x>.pem (rejected): it holds no certificate',
       'and what');
    ok(/^! \(\d+\) Client certificates$/.test(await page.title()), 'the tab says it', await page.title());
    const icon = await page.locator('#icon').getAttribute('href');
    ok(await page.evaluate(async (src) => {
      const image = Object.assign(new Image(), { src });
      await image.decode();
      return image.width > 0;
    }, icon), 'and shows it, as the policy for contents permits');
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

    let looks = 0;
    page.on('request', (r) => { looks += /status\?$/.test(r.url()); });
    await page.evaluate(() => Object.defineProperty(document, 'hidden', { value: true }));
    await page.clock.install();
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    while (!looks) {
      await page.waitForTimeout(100);
    }
    await page.waitForLoadState('networkidle');
    looks = 0;
    await page.clock.runFor(25000);
    await page.waitForLoadState('networkidle');
    is(looks, 0, 'a tab behind others looks seldom');
    await page.clock.runFor(10000);
    for (let i = 0; i < 50 && !looks; i++) {
      await page.waitForTimeout(100);
    }
    is(looks, 1, 'but does');
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

  async function sorts() {
    const page = await open('rsa', '/');
    await page.waitForFunction((n) => document.querySelectorAll('#refused-table tbody tr').length > n, told.hostile);
    const head = (name) => page.locator('#refused-table').getByRole('columnheader', { name, exact: true });
    const { compare } = new Intl.Collator('en', { numeric: true });
    const inOrder = (list, by) => list.every((x, i) => !i || by(list[i - 1], x) <= 0);

    ok(!inOrder(await column(page, 3), compare), 'names are in no order at first');
    await head('Subject (claimed)').getByRole('button').press('Enter');
    is(await head('Subject (claimed)').getAttribute('aria-sort'), 'ascending', 'sorted by name');
    ok(inOrder(await column(page, 3), compare), 'all of them, hostile ones too', (await column(page, 3)).join(' | '));
    await page.keyboard.press('Enter');
    is(await head('Subject (claimed)').getAttribute('aria-sort'), 'descending', 'and the other way round');
    ok(inOrder(await column(page, 3), (a, b) => compare(b, a)), 'all of them');
    is(await focused(page), 'Subject (claimed)', 'the focus stays');

    for (let i = 0; i < 12; i++) {
      await ask('foreign', told.app, '/');
    }
    await page.waitForFunction(() => [...document.querySelectorAll('#refused-table td.n')].some((cell) => Number(cell.textContent) > 12));
    await head('Times').getByRole('button').click();
    const times = (await column(page, 2)).map(Number);
    ok(inOrder(times, (a, b) => b - a), 'numbers as numbers, the largest first', times.join(' '));
    is(await page.locator('#refused-table [aria-sort]').count(), 1, 'by one column');
    is(await page.evaluate(() => String(sorted([0.5, 10, -1, 0.25], { cellIndex: 0, ariaSort: 'ascending' }, (n) => [['', '', n]]))),
       '-1,0.25,0.5,10', 'rates, too, and what isn’t known');
    is(page.wrong.join('; '), '', 'nothing went wrong in the browser');
    await page.context().close();
  },

  async function address() {
    const page = await open('rsa', '/#refused?q=globex&reason=no_match');
    const more = page.locator('#refused-table .more');
    const row = page.locator('#refused-table tbody tr', { hasText: 'CN=globex' }).filter({ hasText: 'partners' });
    await row.waitFor();
    is(await page.locator('#q').inputValue() + await page.locator('#reason').inputValue(), 'globexno_match', 'an address has the filters');
    ok((await column(page, 3)).every((name) => /globex/.test(name)), 'and they hold');

    await page.locator('#policy').selectOption('partners');
    await row.getByRole('button', { name: /^Details/ }).click();
    const link = new URL(page.url());
    is(new URLSearchParams(link.hash.split('?')[1]).get('open'), `${told.certs.globex.sha256} partners`, 'what is opened gets into it');
    await page.locator('#tiles a').last().click();
    ok(/^#stores\?q=globex&reason=no_match&policy=partners&open=/.test(new URL(page.url()).hash), 'a link in the page keeps it all', page.url());
    is(await page.evaluate(() => document.activeElement.id), 'stores', 'and leads there');

    await page.goBack();
    await page.goBack();
    await more.waitFor({ state: 'detached' });
    is(await page.locator('#policy').inputValue(), 'partners', 'back: closed again');
    await page.goBack();
    await page.waitForFunction(() => document.getElementById('policy').value === '');
    await page.goForward();
    await page.goForward();
    await more.waitFor();
    ok(true, 'forward: open again');

    await page.locator('#q').pressSequentially('xyz');
    await page.locator('#refused-none', { hasText: 'fits the search' }).waitFor();
    await page.goBack();
    await more.waitFor();
    is(await page.locator('#q').inputValue(), 'globex', 'what is typed is one step back');

    const other = await open('rsa', '/' + link.hash);
    await other.locator('#refused-table .more').getByText('Lines that would allow it').waitFor();
    ok(await other.locator('#refused-table .more').first().isVisible(), 'a link shows the same to somebody else');
    await other.context().close();

    /* what strangers put into a link */
    const evil = '<img src=x onerror=window.bad=1>"\'';
    for (const hash of [`#refused?q=${evil}&reason=${evil}&policy=__proto__&open=${evil}&denied`, `#refused?q=${encodeURIComponent(evil)}`,
      '#%zz?%&=&&?q=%ff#', `#${evil}`, '#__proto__', '#refused?open=', '#main?reason=constructor']) {
      await page.goto(`${origin}/`);
      await page.goto(origin + '/' + hash);
      await page.reload();
      await page.waitForFunction(() => document.querySelector('#refused-none').textContent || document.querySelector('#refused-table tbody tr'));
      const asked = /q=[^%]*%3Cimg|q=</.test(page.url());
      is(await page.locator('#q').inputValue(), asked ? evil : '', `text stays text: ${hash}`);
      is(await page.evaluate(() => [...document.querySelectorAll('.filters select')].slice(0, 2).map((s) => s.selectedIndex).join()), '0,0',
         'what doesn’t exist isn’t chosen');
      is(await page.locator('#refused-table tbody tr').count() > told.hostile, !asked, 'all is shown but for what is searched');
      is(await page.evaluate(() => document.querySelectorAll('body img').length) + String(page.wrong), '0', 'nothing of it is markup');
      if (/open=/.test(hash)) {
        await page.locator('#say', { hasText: 'isn’t among' }).waitFor();
      }
    }
    is(await page.evaluate(() => window.bad), undefined, 'no script ran');
    await page.context().close();
  },

  async function puts_off() {
    const page = await open('rsa', '/');
    const rows = (name) => page.locator('#refused-table tbody tr', { hasText: `CN=${name}` });
    await rows('foreign').waitFor();
    const n = (await column(page, 1)).length, title = await page.title();
    const at = (await column(page, 3)).findIndex((name) => /CN=foreign/.test(name));
    const next = await page.locator('#refused-table tbody tr').nth(at + 1).getByRole('button', { name: /^Later/ }).getAttribute('aria-label');
    await rows('foreign').getByRole('button', { name: /^Later/ }).press('Enter');
    is(await rows('foreign').count(), 0, 'put off');
    is(await focused(page), next, 'the focus goes to the next one');
    is((await column(page, 1)).length, n - 1, 'the others are there');
    await page.reload();
    await rows('globex').first().waitFor();
    is(await rows('foreign').count(), 0, 'still after a reload');
    await page.waitForFunction((old) => document.title !== old && /\d/.test(document.title), title);
    is(parseInt(/\d+/.exec(title)) - parseInt(/\d+/.exec(await page.title())), 1, 'and doesn’t count');
    await page.locator('#later', { hasText: '1 put off until refused again' }).waitFor();
    await ask('foreign', told.app, '/');
    await rows('foreign').waitFor();
    ok(await page.locator('#later').isHidden(), 'until it is refused again');
    await page.locator('#say', { hasText: '1 to look at, refused just now' }).waitFor();

    await rows('foreign').getByRole('button', { name: /^Later/ }).click();
    await page.getByRole('button', { name: 'Show them' }).click();
    await rows('foreign').waitFor();
    is(await page.evaluate(() => document.activeElement.id), 'refused', 'or until that is undone');
    for (const junk of ['{', '5', '[[]]', '{"a":1}', '"x"', '[["__proto__",1]]']) {
      await page.evaluate((text) => localStorage.setItem('clientcert-later', text), junk);
      await page.reload();
      await rows('foreign').waitFor();
    }
    is(page.wrong.join('; '), '', 'nothing that is kept there breaks it');
    await page.context().close();
  },

  async function counts() {
    const page = await open('rsa', '/');
    const rate = (text, n = 2) => page.waitForFunction(([text, n]) => {
      const row = [...document.querySelectorAll('#policies-table tbody tr')].find((row) => /^partners/.test(row.textContent));
      return row && new RegExp(text).test(row.cells[n - 1].textContent);
    }, [text, n]);
    const partners = 'const d = s.policies.find((p) => p.name === "partners").decisions, past = performance.now() / 1000; window.k = (window.k || 0) + 1;';

    await rate('^0\\.0$');
    await tamper(page, `${partners} d.ok += Math.round(200 * past); d.denied += Math.round(100 * past)`);
    await rate('^(19|20)\\d\\.\\d$');
    await rate('^(9|10)\\d\\.\\d$', 4);
    ok(true, 'decisions a second, of two looks');
    for (const [change, what] of [['d.ok = 5000 - window.k', 'a counter fell'], ['s.generation += window.k', 'the configuration was loaded'],
      ['s.since = new Date(Date.parse(s.since) - 1000 * window.k).toISOString()', 'the counters began anew']]) {
      await rate('^\\d');
      await tamper(page, `${partners} ${change}`);
      await rate('^–$');
      await rate('^–$', 4);
      ok(true, `no rate where ${what}`);
      await tamper(page, '');
    }
    is(page.wrong.join('; '), '', 'nothing went wrong in the browser');
    await page.context().close();
  },

  /* what is wrong, told by words and by the tab */
  async function tells() {
    const page = await open('rsa', '/');
    const icons = new Set();
    const tab = async (title, what) => {
      await page.waitForFunction((title) => new RegExp(title).test(document.title), title);
      icons.add(await page.locator('#icon').getAttribute('href'));
      is(icons.size, ++tab.n, what);
    };
    tab.n = 0;
    await tab('^! \\(\\d+\\) C', 'something is wrong');
    await tamper(page, 's.stores.forEach((st) => { st.errors = []; st.errors_total = 0; })');
    await tab('^\\(\\d+\\) C', 'somebody waits');
    is(await page.locator('#h-state').textContent(), '✓ Nothing is wrong', 'nothing else');
    await tamper(page, 's.stores.forEach((st) => { st.errors = []; st.errors_total = 0; }); s.refused = null');
    await tab('^C', 'all is well');
    await tamper(page, `const [a] = s.stores; Object.assign(a, { up: false, error: "No such file or directory", since: s.since }); a.memory.needed = 999424;
      s.zone.left_out = 7; s.cas = [{ file: "/ca<b>.crt", certificates: 1, not_after: new Date(Date.parse(s.now) + 3.5 * 86400e3).toISOString() }];
      s.policies[0].decisions.error += window.k = (window.k || 0) + 1; s.servers[0].refused_495 = 3`);
    await page.waitForFunction(() => document.querySelectorAll('#wrong li').length === 6);
    const wrong = (await page.locator('#wrong').innerText()).replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, 'then');
    for (const text of ['The store operators is as it was at then UTC and isn’t followed: No such file or directory',
      'The store operators is full: its zone needs size=976k', 'A CA of /ca<b>.crt ends in 3 days: whoever it has signed is refused then',
      'Refused of late by an error: ', '7 policies and rules are counted together']) {
      ok(wrong.includes(text), text, wrong);
    }
    await page.locator('#say', { hasText: '6 things wrong' }).waitFor();
    is(await page.locator('#servers').innerText(), 'Before any policy was asked, nginx itself refused at status.example.org 3 requests for a bad certificate'
       + ' and 0 for want of one.', 'what nginx refuses itself');

    await page.evaluate(() => { window.fetch = () => Promise.reject(new TypeError('no')); });
    await tab('^\\? C', 'no data');
    await page.locator('#say', { hasText: /^no data since \d\d:\d\d:\d\d UTC/ }).waitFor();
    ok(await page.locator('body.stale').count(), 'and said, and the figures are pale');

    await page.route(/status\?/, (route) => route.fulfill({ status: 403, body: '' }));
    await page.reload();
    await page.locator('#h-state', { hasText: '✗ The server answered 403: your certificate may not read this.' }).waitFor();
    ok(true, 'and first comes that somebody may not look');
    await page.context().close();
  },

  /* what somebody works with stays where it is */
  async function stays() {
    const page = await open('rsa', '/');
    await page.waitForFunction((n) => document.querySelectorAll('#refused-table tbody tr').length > n, told.hostile);
    const last = page.locator('#refused-table tbody tr').last().getByRole('button', { name: /^Details/ });
    const name = await last.getAttribute('aria-label');
    await last.focus();
    const before = await column(page, 8);
    await ask('globex', told.app, '/');
    await ask('inter', told.app, '/');
    await page.waitForFunction((n) => document.querySelectorAll('#refused-table tbody tr').length > n, before.length);
    is((await column(page, 8)).slice(0, before.length).join(), before.join(), 'no row moves where the focus is, a new one comes below');
    is(await focused(page), name, 'the focus stays');
    await page.locator('h1').click();
    await page.waitForFunction(() => !/CN=inter/.test(document.querySelector('#refused-table tbody').lastElementChild.textContent));
    ok(true, 'it goes to its place afterwards');
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
    ok(/^Later/.test(await focused(page)), 'goes on to the next button');
    await page.keyboard.press('Tab');
    ok(await page.evaluate(() => !!document.activeElement.closest('.more')), 'and to what was opened');
    is(await page.locator('button').filter({ hasText: /^(Allow|Block|Remove|Undo)(?!ed)/ }).count(), 0, 'nothing to change');
    is(await page.locator('[role=status]').count(), 1, 'one place that speaks');
    for (const [table, row] of [['Refused certificates', 'CN=globex,O=Example'], ['Policies', 'partners'], ['Stores', 'uploaded'],
      ['Expiring soon', 'soon']]) {
      ok(await page.getByRole('table', { name: table, exact: true }).getByRole('rowheader', { name: row, exact: true }).count(),
         `a table and its rows have names: ${table}`);
    }

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

    const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
    const { crt, key } = told.certs.acme;
    for (const [what, buffer] of [
      ['PKCS#12', openssl('pkcs12', '-export', '-in', crt, '-inkey', key, '-passout', 'pass:x')],
      ['a key in DER', openssl('ec', '-in', key, '-outform', 'DER')],
      ['in PKCS#8', openssl('pkcs8', '-topk8', '-nocrypt', '-in', key, '-outform', 'DER')],
      ['encrypted', openssl('pkcs8', '-topk8', '-in', key, '-outform', 'DER', '-passout', 'pass:x')],
      ['in UTF-16', Buffer.from(fs.readFileSync(key, 'latin1'), 'utf16le')],
    ]) {
      await page.locator('#try-text').fill('nothing');
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.getByText('or no certificate').waitFor();
      await page.locator('#try-why').evaluate((box) => box.replaceChildren());
      await page.locator('#try-file').setInputFiles({ name: 'a', mimeType: '', buffer });
      await page.getByText('or no certificate').waitFor();
      is(sent, 0, `and ${what}`);
    }
    await page.locator('#try-file').setInputFiles({ name: 'a', mimeType: '', buffer: openssl('x509', '-in', crt, '-outform', 'DER') });
    await page.locator('#try-why b.allow').waitFor();
    ok(true, 'a certificate in DER is explained');

    await page.getByText('Rules not used').click();
    await page.locator('#unused code', { hasText: 'spki=5b5b' }).waitFor();
    ok(!/label=acme/.test(await page.locator('#unused').textContent()), 'rules that were never used');
    is(page.wrong.join('; '), '', 'nothing went wrong in the browser');
    await page.context().close();
  },

  async function narrow() {
    const page = await open('rsa', '/', { viewport: { width: 360, height: 640 }, colorScheme: 'dark' });
    await page.locator('#refused-table tbody tr').first().waitFor();
    const { x, width } = await page.getByRole('button', { name: /^Details/ }).first().boundingBox();
    ok(x > 0 && x + width <= 360, 'what opens a row is in sight');
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
