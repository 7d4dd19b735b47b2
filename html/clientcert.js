/*
 * The page of "clientcert_status json".  What it shows was chosen by strangers:
 * text becomes text nodes, never markup or an address.
 */

'use strict';

const STATUS = place('clientcert-status'), EXPLAIN = place('clientcert-explain');
const SVG = 'http://www.w3.org/2000/svg';
const BIN = 10, BINS = 60;              /* of the chart: seconds, how many */
const DAY = 86400;

/* what the reasons of refused certificates mean */
const REASONS = {
  no_match: 'no “allow” matches it',
  untrusted: 'it needs a chain to a CA of the server, which could not be verified',
  misdirected: 'its chain was verified by another server of this nginx',
  expired: 'its time is over, it needs a new certificate',
  not_yet_valid: 'its time has not begun',
  denied: 'a “deny” matches, or it could not be told that none does',
  wrong_purpose: 'it was not made for clients',
  lifetime: 'it is valid for longer than the policy permits',
  weak_key: 'its key is shorter than the policy permits',
};
const colour = (reason) => reason === 'ok' ? 'ok' : `c${Object.keys(REASONS).indexOf(reason)}`;

const state = { failed: 0, skew: 0, said: 0, bins: new Map(), refused: [] };


/* the document */

function $(id) { return document.getElementById(id); }
function on(id, kind, action) { $(id).addEventListener(kind, action); }

function place(name) { return document.querySelector(`meta[name="${name}"]`).content; }

/* nothing that hides, turns around or poses as something else */
function plain(text) {
  return String(text ?? '').replace(/[^\x20-\x7e\n–·…✓✗‘-”]/g, (c) => '\\u{' + c.codePointAt(0).toString(16) + '}');
}

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === 'function') {
      node.addEventListener(name, value);
    } else if (value) {
      node.setAttribute(name, value);
    }
  }
  node.append(...children.flat().filter((c) => c || c === 0).map((c) => c.nodeType ? c : plain(c)));
  return node;
}

/* what stays the same isn't touched: a selection in it would be lost */
function set(node, ...children) {
  const next = [...el('p', null, ...children).childNodes];
  if (next.length !== node.childNodes.length || next.some((n, i) => !n.isEqualNode(node.childNodes[i]))) {
    node.replaceChildren(...next);
  }
}

function button(text, action, label) {
  return el('button', { type: 'button', click: action, 'aria-label': label && plain(label) }, text);
}

/* one sentence in ten seconds, at once what somebody waits for */
function say(text, now) {
  clearTimeout(state.saying);
  state.saying = setTimeout(() => { state.said = Date.now(); set($('say'), text); }, now ? 0 : state.said + 10000 - Date.now());
}

/* rows are changed in place, so that focus and what was opened stay */
function rows(body, items, key, cells) {
  const old = new Map([...body.children].map((row) => [row.dataset.key, row]));
  let at = body.firstElementChild;
  for (const item of items) {
    const k = key(item);
    let row = old.get(k);
    const wanted = cells(item);
    if (row) {
      old.delete(k);
    } else {
      row = el('tr', { 'data-key': k }, wanted.map(([kind]) => el('td', { class: kind })));
    }
    wanted.forEach(([, content], i) => {
      if (typeof content !== 'function') {
        set(row.cells[i], content);
      } else if (!row.cells[i].hasChildNodes()) {
        row.cells[i].append(...content());
      }
    });
    row.item = item;
    if (row !== at) {
      body.insertBefore(row, at);
    } else {
      at = at.nextElementSibling;
    }
    if (row.more) {
      row.after(row.more);
      old.delete(row.more.dataset.key);
      at = row.more.nextElementSibling;
    }
  }
  for (const row of old.values()) {
    row.remove();
  }
}

function empty(id, none) {
  $(`${id}-none`).hidden = !none;
  $(`${id}-table`).hidden = none;
}

function body(table) { return $(table).tBodies[0] || $(table).appendChild(el('tbody')); }

/* it is scrolled by the keyboard, too */
function reach(box, label) {
  for (const [name, value] of Object.entries({ tabindex: 0, role: 'region', 'aria-label': label })) {
    box.setAttribute(name, value);
  }
}

/* a text that is somebody's */
function claimed(text) { return el('bdi', null, text || '–'); }

function groups(hex) { return hex.toUpperCase().match(/.{1,4}/g).join(' '); }

function copy(text, what) {
  return button('Copy', async () => {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`, true);
  }, `Copy the ${what}`);
}


/* times, by the server's clock */

function seconds(time) { return Date.parse(time) / 1000; }
function now() { return Date.now() / 1000 + state.skew; }

function span(s) {
  const [n, unit] = s < 60 ? [s, 's'] : s < 3600 ? [s / 60, 'min'] : s < 2 * DAY ? [s / 3600, 'h'] : [s / DAY, 'days'];
  return `${Math.floor(Math.max(0, n))} ${unit}`;
}

function ago(time) { return time ? el('time', { title: time }, span(now() - seconds(time)), ' ago') : 'never'; }
function until(time) { const s = seconds(time) - now(); return s < 0 ? `over since ${span(-s)}` : span(s); }
function day(time) { return String(time).slice(0, 16).replace('T', ' '); }
function count(n) { return n === null || n === undefined ? '?' : n.toLocaleString('en'); }


/* requests, all of them to this server */

class Failed extends Error {}

async function request(url, options) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 15000);
  try {
    return await fetch(url, { cache: 'no-store', credentials: 'same-origin', redirect: 'error', signal: abort.signal, ...options });
  } catch (e) {
    throw new Failed('The server doesn’t answer. If the browser took another certificate, close all windows of this site.');
  } finally {
    clearTimeout(timer);
  }
}

async function json(url, args, options) {
  const query = new URLSearchParams(Object.entries(args || {}).filter(([, v]) => v));
  const answer = await request(`${url}?${query}`, options);
  const value = await answer.json().catch(() => null);
  if (!answer.ok || !value) {
    throw new Failed(value && value.error ? value.error.text : `The server answered ${answer.status}${
      answer.status === 401 || answer.status === 403 ? ': your certificate may not read this' : ''}.`);
  }
  return value;
}


/* what is shown of a summary */

function reasonsOf(s) {
  return [...new Set(s.policies.flatMap((p) => Object.keys(p.decisions || {})))].filter((reason) => reason !== 'ok');
}

function words(sums) {
  return Object.entries(sums).filter(([reason, n]) => reason !== 'ok' && n > 0).sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => `${reason} ${count(Math.round(n))}`);
}

function showTiles(s) {
  let all = 0, refused = 0;
  for (const [reason, n] of [...state.bins.values()].flatMap(Object.entries)) {
    all += n;
    refused += reason === 'ok' ? 0 : n;
  }
  const { stores } = s;
  const wrong = stores.filter((st) => !st.up || st.errors_total || st.memory.needed);
  const week = stores.reduce((n, st) => n + (st.expiring ? st.expiring['7d'] : 0), 0)
               + s.cas.filter((ca) => seconds(ca.not_after) - now() < 7 * DAY).length;
  const over = stores.reduce((n, st) => n + (st.expired || 0), 0);
  const tiles = [
    ['policies', 'refused in 10 minutes', count(Math.round(refused)), all ? `${(100 * refused / all).toFixed(1)} %` : 'no requests'],
    ['refused', 'certificates refused', s.refused ? count(s.refused.held) : 'not kept'],
    ['expiring', 'expire in 7 days', count(week), over && `${count(over)} are over`, week + over > 0],
    ['stores', 'stores with something wrong', count(wrong.length), wrong.map((st) => st.name).join(', '), wrong.length > 0],
  ];
  const list = $('tiles');
  tiles.forEach(([to, what, figure, more, bad], i) => {
    const item = list.children[i] || list.appendChild(el('li', null, el('a', { href: '#' + to }, el('b'), el('span'), ' ', el('span'))));
    const [a] = item.children;
    a.className = bad ? 'bad' : '';
    set(a.children[0], figure);
    set(a.children[1], what);
    set(a.children[2], more ? `· ${more}` : '');
  });
  document.title = `${wrong.length ? '(!) ' : ''}Client certificates`;
}

function showPolicies(s) {
  rows(body('policies-table'), s.policies, (p) => p.name, (p) => [
    ['', [claimed(p.name), p.dry_run ? el('span', { class: 'warn' }, ' dry run: refuses nobody') : '']],
    ['n', count(p.decisions && p.decisions.ok)],
    ['', p.decisions ? words(p.decisions).join(', ') || 'nobody' : '?'],
    ['', ago(p.last_refused)],
    ['', `${p.rules.allow} allow, ${p.rules.deny} deny, ${count(p.rules.unused)} never used`],
  ]);
}

function showStores(s) {
  empty('stores', !s.stores.length);
  rows(body('stores-table'), s.stores, (st) => st.name, (st) => [
    ['', claimed(st.name)],
    ['n', count(st.entries)],
    ['', st.up ? '✓ followed' : el('span', { class: 'bad' }, `✗ ${st.error}, since ${day(st.since)}; as it was then`)],
    ['', el('span', { class: 'bad' }, st.errors.map((e) => el('div', null, el('bdi', null, e.file), ` (${e.state}): ${e.text}`)),
      st.errors_total > st.errors.length ? `and ${count(st.errors_total - st.errors.length)} more` : '',
      st.memory.needed ? `its zone is too small, it needs size=${Math.ceil(st.memory.needed / 1024)}k` : '')],
    ['', st.expiring ? `${count(st.expiring['30d'])} in 30 days, ${count(st.expired)} over` : '–'],
    ['', ago(st.changed)],
    ['', st.used_by.map((use) => `${use.action} in ${use.policy}`).join(', ')],
  ]);
}


/* the chart */

function countUp(before, after) {
  if (!before || before.since !== after.since) {
    return;
  }
  const added = {};
  for (const policy of after.policies) {
    const old = before.policies.find((p) => p.name === policy.name);
    if (policy.dry_run || !old || old.dry_run || !old.decisions || !policy.decisions) {
      continue;
    }
    for (const [reason, n] of Object.entries(policy.decisions)) {
      added[reason] = (added[reason] || 0) + Math.max(0, n - (old.decisions[reason] || 0));
    }
  }

  /* spread over the time since the last look */
  const last = Math.floor(seconds(after.now) / BIN);
  const first = Math.min(last, Math.max(last - BINS + 1, Math.floor(seconds(before.now) / BIN + 0.5)));
  for (let bin = first; bin <= last; bin++) {
    const sums = state.bins.get(bin) || {};
    for (const [reason, n] of Object.entries(added)) {
      sums[reason] = (sums[reason] || 0) + n / (last - first + 1);
    }
    state.bins.set(bin, sums);
  }
  for (const bin of [...state.bins.keys()].filter((bin) => bin <= last - BINS)) {
    state.bins.delete(bin);
  }
}

function rect(x, y, width, height, kind) {
  const node = document.createElementNS(SVG, 'rect');
  for (const [name, value] of Object.entries({ x, y, width, height, class: kind })) {
    node.setAttribute(name, value);
  }
  return node;
}

function bars(svg, reasons, last) {
  const [, , width, height] = svg.getAttribute('viewBox').split(' ').map(Number);
  const bins = Array.from({ length: BINS }, (_, i) => state.bins.get(last - BINS + 1 + i) || {});
  const max = Math.max(1, ...bins.map((sums) => reasons.reduce((n, reason) => n + (sums[reason] || 0), 0)));
  const total = {};
  svg.replaceChildren();
  bins.forEach((sums, i) => {
    let y = height;
    for (const reason of reasons) {
      const n = sums[reason] || 0;
      if (n > 0) {
        const h = Math.max(1.5, n / max * height);
        y -= h;
        svg.append(rect(i * width / BINS, y, width / BINS - 1.5, h, colour(reason)));
        total[reason] = (total[reason] || 0) + n;
      }
    }
  });
  return { max: Math.round(max), total };
}

function showChart(s) {
  const last = Math.floor(seconds(s.now) / BIN);
  const refused = bars($('chart'), reasonsOf(s), last);
  const allowed = bars($('allowed'), ['ok'], last);
  const list = words(refused.total);
  const text = list.join(', ') || 'nobody';
  set($('chart-max'), `(at most ${count(refused.max)})`);
  set($('allowed-max'), `(at most ${count(allowed.max)})`);
  $('chart').setAttribute('aria-label', plain(`Refused in the last 10 minutes: ${text}`));
  $('allowed').setAttribute('aria-label', `Allowed in the last 10 minutes: ${count(Math.round(allowed.total.ok || 0))}`);
  set($('legend'), list.length ? list.map((word) => {
    const swatch = document.createElementNS(SVG, 'svg');
    swatch.setAttribute('viewBox', '0 0 1 1');
    swatch.setAttribute('aria-hidden', 'true');
    swatch.append(rect(0, 0, 1, 1, colour(word.split(' ')[0])));
    return el('li', null, swatch, ` ${word}`);
  }) : el('li', null, 'Nobody was refused since this page was opened.'));
}


/* refused certificates */

function refusalKey(item) { return `${item.sha256} ${item.policy}`; }

function showRefused(keepOrder) {
  const reason = $('reason').value, policy = $('policy').value, q = $('q').value.trim().toLowerCase(), hex = q.replace(/[^0-9a-f]/g, '');
  const found = state.refused.filter((item) =>
    (!reason || item.reason === reason) && (!policy || item.policy === policy)
    && (item.reason !== 'denied' || reason || $('denied').checked)
    && [q, hex.length < 8 ? q : hex].some((text) => Object.values(item).join('\n').toLowerCase().includes(text)));
  const table = body('refused-table');
  if (keepOrder) {
    const at = new Map([...table.children].map((row, i) => [row.dataset.key, i]));
    found.sort((a, b) => (at.get(refusalKey(a)) ?? 9999) - (at.get(refusalKey(b)) ?? 9999));
  }
  rows(table, found, refusalKey, (item) => [
    ['', ago(item.last)],
    ['n', count(item.count)],
    ['', claimed(item.subject)],
    ['', [item.reason, item.dry_run && ' (dry run)']],
    ['', claimed(item.policy)],
    ['', claimed(item.client)],
    ['', item.verified ? '✓ verified' : 'unverified'],
    ['hex', () => [el('code', { title: item.sha256 }, item.sha256.slice(0, 8) + '…'), ' ', copy(item.sha256, 'SHA-256 thumbprint')]],
    ['buttons', () => [el('button', { type: 'button', 'aria-expanded': 'false', 'aria-label': plain(`Details of ${item.subject}`),
      click: (event) => toggle(event.target, event.target.closest('tr')) }, 'Details')]],
  ]);
  empty('refused', !found.length);
  const s = state.summary;
  set($('refused-none'), !s.refused ? 'Refused certificates aren’t kept here: “refused=off”.'
    : state.refused.length === 0 ? `No certificate was refused since ${day(s.since)} UTC.` : 'None of them fits the search and the filters.');
}

function toggle(b, row) {
  if (row.more) {
    row.more.remove();
    row.more = null;
  } else {
    row.more = el('tr', { 'data-key': 'more ' + row.dataset.key }, el('td', { colspan: row.cells.length }, details(row.item)));
    row.after(row.more);
  }
  b.setAttribute('aria-expanded', String(!!row.more));
}

function terms(list) {
  return el('dl', null, list.filter(([, value]) => value).flatMap(([name, value]) => [el('dt', null, name), el('dd', null, value)]));
}

function details(item) {
  return el('div', { class: 'more' },
    el('p', null, el('b', null, item.reason), ': ', REASONS[item.reason], item.detail && `; unknown is ${item.detail}`),
    whyOf(item),
    terms([
      ['SHA-256', [el('code', null, groups(item.sha256)), ' ', copy(item.sha256, 'SHA-256 thumbprint')]],
      ['SHA-1', [el('code', null, groups(item.sha1)), ' ', copy(item.sha1, 'SHA-1 thumbprint')]],
      [item.verified ? 'Subject' : 'Subject, as claimed', claimed(item.subject)],
      [item.verified ? 'Issuer' : 'Issuer, as claimed', [claimed(item.issuer), item.self_signed && ' (self-signed)']],
      ['Other names', item.san[0] && item.san.map((name) => el('div', null, claimed(name)))],
      ['Serial', claimed(item.serial)],
      ['Valid', `${day(item.not_before)} to ${day(item.not_after)} UTC (${until(item.not_after)})`],
      ['Asked for', [claimed(item.server), ' ', claimed(item.uri)]],
      ['Refused', `${count(item.count)} times, from ${day(item.first)} to ${day(item.last)} UTC`],
    ]));
}

/* why, asked anew each time */
function whyOf(item) {
  const box = el('div', null, 'asking why …');
  json(STATUS, { view: 'refused', sha256: item.sha256, certificate: 1 }).then(({ items: [kept] }) => {
    if (!kept || !kept.der) {
      throw new Failed('It isn’t kept: its owner has the file.');
    }
    const der = fromBase64(kept.der);
    return why(box, { der, body: der, verified: item.verified }, item.policy, item.sha256);
  }).catch((e) => set(box, e.message));
  return box;
}

async function loadRefused() {
  state.refused = state.summary.refused ? (await json(STATUS, { view: 'refused', limit: 1000 })).items : [];
}



/* what expires: certificates of stores and CAs, the next one first */

async function loadExpiring(s) {
  const list = s.cas.map((ca) => ({ not_after: ca.not_after, what: 'a CA; whoever it has signed is refused then', where: ca.file }));
  if (s.stores.some((st) => st.expired || (st.expiring && st.expiring['30d']))) {
    for (const c of (await json(STATUS, { view: 'certificates', expiring: 30, sort: 'not_after' })).items) {
      list.push({ not_after: c.not_after, what: c.label || c.sha256, where: `${c.store}: ${c.file}` });
    }
  }
  const soon = list.filter((x) => seconds(x.not_after) - now() < 30 * DAY)
    .sort((a, b) => seconds(a.not_after) - seconds(b.not_after));
  rows(body('expiring-table'), soon, (x) => `${x.where} ${x.what}`, (x) => [
    ['', `${day(x.not_after)} UTC`],
    ['', el('span', { class: seconds(x.not_after) - now() < 7 * DAY ? 'bad' : 'warn' }, until(x.not_after))],
    ['', claimed(x.what)],
    ['', claimed(x.where)],
  ]);
  empty('expiring', !soon.length);
}


/* lists that are asked for, page by page */

const lists = {
  held: {
    view: 'certificates',
    head: ['Store', 'File', 'Label', 'Thumbprint', 'Until', 'Last used', ''],
    key: (c) => `${c.store} ${c.file} ${c.sha256 || c.sha1}`,
    cells: (c) => [
      ['', claimed(c.store)],
      ['', claimed(c.file)],
      ['', claimed(c.label)],
      ['hex', [el('code', null, c.sha256 || c.sha1)]],
      ['', c.not_after ? `${day(c.not_after)} (${until(c.not_after)})` : '–'],
      ['', ago(c.last_used)],
      ['buttons', () => uploads().filter((up) => up.store === c.store && c.file)
        .map((up) => button('Remove…', () => remove(c, up), `Remove ${c.file}`))],
    ],
  },
  unused: {
    view: 'rules',
    head: ['Policy', 'Rule', 'Decided', 'Last used', 'Where'],
    key: (r) => `${r.policy} ${r.rule} ${r.line}`,
    cells: (r) => [
      ['', claimed(r.policy)],
      ['', el('code', null, r.text)],
      ['n', count(r.decisions)],
      ['', r.decisions === null ? 'not counted' : ago(r.last)],
      ['', `${r.file}:${r.line}`],
    ],
    keep: (r, days) => days < 2 || !r.last || now() - seconds(r.last) > days * DAY,
  },
};

async function loadList(id, after) {
  const list = lists[id];
  const box = $(id).querySelector('.list');
  const args = Object.fromEntries(new FormData($(id).querySelector('form')));
  const days = Number(args.unused || 0);
  if (days !== 1) {
    delete args.unused;
  }
  try {
    const answer = await json(STATUS, { view: list.view, limit: 100, ...args, after });
    let table = after && box.querySelector('table');
    if (!table) {
      table = el('table', null, el('thead', null, el('tr', null, list.head.map((name) => el('th', null, name)))), el('tbody'));
      box.replaceChildren(el('div', { class: 'box' }, table), el('p'));
      reach(box.firstChild, $(id).querySelector('h2').textContent);
      table.items = [];
    }
    table.items.push(...answer.items.filter((item) => !list.keep || list.keep(item, days)));
    rows(table.tBodies[0], table.items, list.key, list.cells);
    box.lastElementChild.replaceChildren(`${table.items.length} of ${count(answer.total)}${answer.partial ? ', not all were looked at' : ''} `,
      answer.next ? button('More', () => loadList(id, answer.next)) : '');
  } catch (e) {
    set(box, e.message);
  }
}

for (const id of Object.keys(lists)) {
  on(id, 'toggle', () => { if ($(id).open) { loadList(id); } });
  on(id, 'submit', (event) => { event.preventDefault(); loadList(id); });
}


/* explain: what a policy says of a certificate, and what would help */

function uploads() { return state.readOnly ? [] : state.summary.upload; }

function fromBase64(text) { return Uint8Array.from(atob(text.replace(/\s/g, '')), (c) => c.charCodeAt(0)); }

function pem(der) {
  const text = btoa(Array.from(der, (byte) => String.fromCharCode(byte)).join(''));
  return `-----BEGIN CERTIFICATE-----\n${text.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

async function sha256(der) {
  return Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', der)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function explain(cert, policy, suppose) {
  const answer = await json(EXPLAIN, { policy, suppose }, { method: 'POST', body: cert.body });
  return { answer, ...(cert.verified ? answer.verified : answer) };
}

function line(l) {
  return el('li', null, el('code', null, l.text), ` (${l.file}:${l.line})`, el('ul', null, l.conditions.map((c) =>
    el('li', null, c.holds ? '✓ ' : c.holds === false ? '✗ ' : '? ', el('code', null, c.text), ' – found: ', claimed(c.found || c.doubt)))));
}

async function why(box, cert, policy, shown) {
  cert.sha256 = await sha256(cert.der);
  if (shown && shown !== cert.sha256) {
    throw new Failed('The server gave another certificate than it shows.');
  }
  const { answer, ...now } = await explain(cert, policy);
  if (answer.certificate.sha256 !== cert.sha256) {
    throw new Failed('The server explained another certificate.');
  }
  cert.subject = answer.certificate.subject;
  cert.issuer = answer.certificate.issuer;

  const other = cert.verified ? answer : answer.verified;
  const near = answer.lines.items.filter((l) => l.action === 'allow' || l.holds !== false).slice(0, 5);
  const lines = answer.remedies.filter((r) => r.text);
  const buttons = [];

  for (const up of uploads()) {
    const then = await explain(cert, policy, up.store);
    const remedy = answer.remedies.find((r) => r.store === up.store);
    if (then.reason === 'denied' && now.reason !== 'denied') {
      buttons.push(button('Block…', () => approve(cert, policy, up)), ` by the store ${up.store} `);
    } else if (now.decision !== 'allow' && then.decision === 'allow' && remedy) {
      buttons.push(button('Allow…', () => approve(cert, policy, up, remedy)), ` by the store ${up.store} `);
    } else if (now.decision !== 'allow') {
      buttons.push(`In the store ${up.store} it would be refused all the same (${then.reason}). `);
    }
  }

  box.replaceChildren(
    el('p', null, `Now, in ${answer.policy}: `, el('b', { class: now.decision }, now.decision), ` (${now.reason})`, now.detail ? ` ${now.detail}` : '',
      other.decision !== now.decision ? `; with ${cert.verified ? 'no' : 'a'} verified chain: ${other.decision} (${other.reason})` : ''),
    el('p', null, buttons),
    near[0] ? 'The lines that come nearest:' : '', el('ul', null, near.map(line)),
    lines[0] ? 'Lines that would allow it:' : '',
    el('ul', null, lines.map((r) => el('li', null, el('code', null, r.text), ` ${r.worth}${r.needs_chain ? ', once the chain is verified' : ''}`))));
}


/* what changes something: a file by PUT or DELETE, after asking */

function ask(title, content, action, act) {
  const error = el('p', { role: 'alert', class: 'bad' });
  const go = button(action, async () => {
    go.disabled = true;
    set(error);
    try {
      await act();
      dialog.close();
    } catch (e) {
      set(error, e.message);
      go.disabled = false;
    }
  });
  const dialog = el('dialog', { 'aria-labelledby': 'ask', close: () => dialog.remove() },
    el('h2', { id: 'ask' }, title), content, error, el('p', { class: 'filters' }, button('Cancel', () => dialog.close()), go));
  document.body.append(dialog);
  dialog.showModal();
  return go;
}

async function change(method, path, data) {
  const { status } = await request(path, { method, body: data, headers: data ? { 'If-None-Match': '*' } : {} });
  if (status === 401 || status === 403) {
    state.readOnly = true;
  }
  if (status !== (data ? 201 : 204)) {
    throw new Failed({ 204: 'A file of that name was overwritten: the server lacks the guard of the example.',
      401: 'Your certificate may not do this.', 403: 'Your certificate may not do this, or the page isn’t on the server’s own origin.',
      412: 'There is a file of that name: choose another one.' }[status] || `The server answered ${status}: its error log says why.`);
  }
}

/* until a store has what was put there, which takes some milliseconds */
async function inForce(cert, policy, right) {
  for (let i = 0; i < 40; i++) {
    if (right(await explain(cert, policy))) {
      return true;
    }
    await new Promise((go) => setTimeout(go, 250));
  }
  return false;
}

/* "also" tells where else it is let in; without it, it is blocked */
function approve(cert, policy, up, also) {
  const block = !also;
  const cn = (/(?:^|,)CN=([^,]*)/i.exec(cert.subject) || ['', ''])[1];
  const slug = cn.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 40) || 'client';
  const name = el('input', { value: `${slug}-${cert.sha256.slice(0, 8)}`, spellcheck: 'false' });
  const owner = el('input', { autocomplete: 'off', spellcheck: 'false' });
  const other = el('input', { type: 'checkbox' });
  const check = () => {
    go.disabled = !/^[a-z0-9][a-z0-9._-]{0,90}$/.test(name.value)
      || !(block || other.checked || owner.value.toLowerCase().replace(/^.*=|[^0-9a-f]/g, '') === cert.sha256);
  };
  const go = ask(block ? 'Block this certificate?' : 'Allow this certificate?', [
    terms([['SHA-256', el('code', null, groups(cert.sha256))], ['Subject, as claimed', claimed(cert.subject)],
      ['Issuer, as claimed', claimed(cert.issuer)], ['Store', claimed(up.store)], ['Lets it into', !block && [policy, ...also.also_allows, ...also.partial ? ['others'] : []].join(', ')]]),
    block ? '' : el('div', null,
      el('p', null, 'Anyone can make a certificate with this name. Compare the thumbprint with its owner, not with this page.'),
      el('p', null, el('label', null, 'SHA-256 thumbprint, from the owner ', owner)),
      el('p', null, el('label', null, other, ' compared in another way'))),
    el('p', null, el('label', null, 'Name of the file, and label ', name), '.pem'),
  ], block ? 'Block' : 'Allow', async () => {
    const file = `${name.value}.pem`, path = up.path + file;
    const right = (v) => block ? v.reason === 'denied' : v.decision === 'allow';
    await change('PUT', path, pem(cert.der));
    const undo = button(`Undo: remove ${file}`, async () => {
      undo.disabled = true;
      try {
        await change('DELETE', path);
        $('done').replaceChildren();
        say(await inForce(cert, policy, (v) => !right(v)) ? `${file} was removed: as before` : `${file} was removed, without effect`, true);
      } catch (e) {
        undo.disabled = false;
        say(e.message, true);
      }
    });
    $('done').replaceChildren(undo);
    say(await inForce(cert, policy, right) ? `${file} is in force in ${up.store}` : `${file} isn’t in force: see what is wrong with ${up.store}`, true);
  });
  go.closest('dialog').addEventListener('input', check);
  check();
}

function remove(c, up) {
  ask(`Remove ${c.file}?`, el('p', null, `It loses what the store ${c.store} gives, at once, and can’t be brought back from here.`),
    'Remove', async () => {
      await change('DELETE', up.path + encodeURIComponent(c.file));
      say(`${c.file} was removed`, true);
      loadList('held');
    });
}

/* all are explained, the first one alone goes into a store */
function read(data) {
  const text = new TextDecoder('latin1').decode(data);
  if (/-----BEGIN [A-Z ]*PRIVATE KEY/.test(text)) {
    throw new Failed('There is a private key in it: nothing was sent.');
  }
  const all = [...text.matchAll(/-----BEGIN (?:X509 )?CERTIFICATE-----([^-]*)-----END/g)].map((block) => fromBase64(block[1]));
  return all.length ? { der: all[0], body: all.map(pem).join('') } : { der: data, body: data };
}

async function tryIt(file) {
  const box = $('try-why');
  set(box, 'asking …');
  try {
    await why(box, read(new Uint8Array(await file.slice(0, 65536).arrayBuffer())), $('try-policy').value);
  } catch (e) {
    set(box, e.message);
  }
}

on('try', 'submit', (event) => {
  event.preventDefault();
  tryIt(new Blob([$('try-text').value]));
});
on('try-file', 'change', () => tryIt($('try-file').files[0]));
on('try', 'drop', (event) => tryIt(event.dataTransfer.files[0]));
window.addEventListener('dragover', (event) => event.preventDefault());
window.addEventListener('drop', (event) => event.preventDefault());


for (const th of document.querySelectorAll('th')) {
  th.scope = 'col';
}
for (const box of document.querySelectorAll('.box')) {
  reach(box, box.closest('section').querySelector('h2').textContent);
}


/* live */

function options(select, names) {
  for (const name of names) {
    if (![...select.options].some((o) => o.value === name)) {
      select.append(el('option', { value: name }, name));
    }
  }
}

function live(text, off) {
  set($('live'), text);
  $('live').className = off ? 'off' : '';
  document.body.classList.toggle('stale', state.failed >= 3);
}

async function look() {
  const before = state.summary;
  const s = state.summary = { stores: [], ...await json(STATUS) };
  state.skew = seconds(s.now) - Date.now() / 1000;
  set($('server'), `${location.host} · nginx ${s.nginx}, module ${s.module} · counting since ${day(s.since)} UTC · `
    + `configuration ${s.generation} loaded ${day(s.loaded)}`);
  options($('reason'), reasonsOf(s));
  options($('policy'), s.policies.map((p) => p.name));
  options($('try-policy'), s.policies.map((p) => p.name));
  countUp(before, s);
  showTiles(s);
  showChart(s);
  showPolicies(s);
  showStores(s);
  const held = state.refused.length;
  const refusals = JSON.stringify([s.refused, s.policies.map((p) => ({ ...p.decisions, ok: 0 }))]);
  if (state.refusals !== refusals) {
    await loadRefused();
    state.refusals = refusals;
    if (before && state.refused.length > held) {
      say(`${state.refused.length - held} new refused certificates`);
    }
  }

  /* what somebody points at doesn't move, new ones come below */
  showRefused(!!before && $('refused-table').matches(':hover, :focus-within'));
  const ends = JSON.stringify([s.cas, s.now.slice(0, 15), s.stores.map((st) => [st.changed, st.expired, st.expiring])]);
  if (state.ends !== ends) {
    await loadExpiring(s);
    state.ends = ends;
  }
}

async function poll() {
  let wait = 2000;
  clearTimeout(state.timer);
  if (state.looking) {
    return;
  }
  state.looking = true;
  if (!state.paused && !document.hidden) {
    try {
      await look();
      state.failed = 0;
      live('live, every 2 s');
    } catch (e) {
      if (!(e instanceof Failed)) {
        console.error(e);
      }
      state.failed++;
      wait = Math.min(30000, 2000 * 2 ** state.failed);
      const since = state.summary ? `no data since ${state.summary.now.slice(11, 19)} UTC. ` : '';
      live(since + e.message, true);
      if (state.failed === 3) {
        say(since + e.message);
      }
    }
  }
  state.looking = false;
  state.timer = setTimeout(poll, wait);
}

on('pause', 'click', () => {
  state.paused = !state.paused;
  set($('pause'), state.paused ? 'Go on' : 'Pause');
  live('paused', true);
  poll();
});

for (const id of ['q', 'reason', 'policy', 'denied']) {
  on(id, 'input', () => { if (state.summary) { showRefused(); } });
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) { poll(); } });

poll();
