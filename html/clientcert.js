/*
 * The page of "clientcert_status json".  Whatever it shows was chosen by
 * strangers, so text becomes text nodes and nothing else: no markup is ever
 * made of a string, and no address either.
 */

'use strict';

const STATUS = place('clientcert-status');
const BIN = 10, BINS = 60;              /* of the chart: seconds, how many */
const DAY = 86400;

/* what each reason means; the order is that of the chart, from below */
const REASONS = {
  ok: 'It was allowed.',
  no_match: 'No “allow” of the policy matches this certificate.',
  untrusted: 'It needs a chain to a CA that the server knows, and that could not be verified.',
  misdirected: 'Its chain was verified by another server of this nginx.',
  expired: 'Its time is over: it needs a new certificate.',
  not_yet_valid: 'Its time has not begun.',
  denied: 'A “deny” of the policy matches, or it could not be told that it doesn’t.',
  wrong_purpose: 'It was not made for clients.',
  lifetime: 'It is valid for longer than the policy permits.',
  weak_key: 'Its key is shorter than the policy permits.',
  no_certificate: 'The client showed no certificate.',
  no_tls: 'The request came without TLS.',
  early_data: 'The request came as early data, which can be repeated by others.',
  error: 'nginx could not decide, for want of memory for example: see its error log.',
};
const COLOURS = { ok: 'ok', no_match: 'c2', untrusted: 'c5', misdirected: 'c8', expired: 'c3', not_yet_valid: 'c7',
  denied: 'c4', wrong_purpose: 'c6', lifetime: 'c7', weak_key: 'c7', error: 'c4' };

const state = { summary: null, paused: false, failed: 0, skew: 0, bins: new Map(), refused: [], open: null };


/* the document */

function $(id) { return document.getElementById(id); }

function place(name) { return document.querySelector(`meta[name="${name}"]`).content; }

/* nothing that hides, turns around or poses as something else */
function plain(text) {
  return String(text ?? '').replace(/[^\x20-\x7e\u2018-\u201d\u2026\u2013–·]/g,
    (c) => '\\u{' + c.codePointAt(0).toString(16) + '}');
}

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === 'function') {
      node.addEventListener(name, value);
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== '').map((c) => c.nodeType ? c : plain(c)));
  return node;
}

/* changes nothing that stays the same: a selection in it would be lost */
function set(node, ...children) {
  const next = [...el('p', null, ...children).childNodes];
  if (next.length !== node.childNodes.length || next.some((n, i) => !n.isEqualNode(node.childNodes[i]))) {
    node.replaceChildren(...next);
  }
}

function button(text, action, label) {
  return el('button', { type: 'button', click: action, 'aria-label': label && plain(label) }, text);
}

const said = { last: 0, timer: 0 };

/* one sentence in ten seconds, unless somebody has just done something */
function say(text, now) {
  clearTimeout(said.timer);
  const wait = now ? 0 : Math.max(0, said.last + 10000 - Date.now());
  said.timer = setTimeout(() => { said.last = Date.now(); set($('say'), text); }, wait);
}

/*
 * Rows are found again by their key and changed in place, so that focus,
 * selection and what was opened stay.
 */
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
    wanted.forEach(([kind, content], i) => {
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

function body(table) { return $(table).tBodies[0] || $(table).appendChild(el('tbody')); }

/* a text that may be long, and that is somebody's */
function claimed(text) { return el('bdi', null, text || '–'); }

function groups(hex) { return hex.toUpperCase().match(/.{1,4}/g).join(' '); }

function copy(text, what) {
  return button('Copy', async (event) => {
    try {
      await navigator.clipboard.writeText(text);
      say(`${what} copied`, true);
    } catch (e) {
      getSelection().selectAllChildren(event.target.previousElementSibling || event.target.parentNode);
      say('The browser does not let the page copy. It is selected: copy it by the keyboard.', true);
    }
  }, `Copy the ${what}`);
}


/* times, by the server's clock */

function seconds(time) { return Date.parse(time) / 1000; }
function now() { return Date.now() / 1000 + state.skew; }

function span(s) {
  const [n, unit] = s < 60 ? [s, 's'] : s < 3600 ? [s / 60, 'min'] : s < 2 * DAY ? [s / 3600, 'h'] : [s / DAY, 'days'];
  return `${Math.floor(Math.max(0, n))} ${unit}`;
}

function ago(time) { return time ? el('time', { datetime: plain(time), title: plain(time) }, span(now() - seconds(time))) : 'never'; }
function until(time) { const s = seconds(time) - now(); return s < 0 ? `over since ${span(-s)}` : span(s); }
function day(time) { return String(time).slice(0, 16).replace('T', ' '); }
function count(n) { return n === null || n === undefined ? '?' : n.toLocaleString('en'); }


/* requests, all of them to this server */

class Failed extends Error {
  constructor(text, status) { super(text); this.status = status; }
}

async function request(url, options) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 15000);
  try {
    return await fetch(url, { cache: 'no-store', credentials: 'same-origin', redirect: 'error', signal: abort.signal, ...options });
  } catch (e) {
    throw new Failed('The server doesn’t answer. If it does elsewhere, the browser may have picked another certificate: '
                     + 'close all windows of this site and try again.', 0);
  } finally {
    clearTimeout(timer);
  }
}

async function json(url, args, options) {
  const query = new URLSearchParams(Object.entries(args || {}).filter(([, v]) => v !== '' && v !== null && v !== undefined));
  const answer = await request(`${url}?${query}`, options);
  let value = null;
  try {
    value = await answer.json();
  } catch (e) { /* told below */ }
  if (value && value.error) {
    throw new Failed(value.error.text, answer.status);
  }
  if (!answer.ok || !value) {
    throw new Failed(answer.status === 401 || answer.status === 403
      ? `Your certificate may not read this (${answer.status}).` : `The server answered ${answer.status}.`, answer.status);
  }
  return value;
}


/* what is shown of a summary */

function refusedOf(policy) {
  return Object.entries(policy.decisions || {}).filter(([reason]) => reason !== 'ok').reduce((sum, [, n]) => sum + n, 0);
}

function byReason(policy) {
  return Object.entries(policy.decisions || {}).filter(([reason, n]) => reason !== 'ok' && n > 0).sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => `${reason} ${count(n)}`).join(', ') || '–';
}

function troubles(store) { return store.errors_total ?? (store.errors || []).length; }

function showTiles(s) {
  const sum = { refused: 0, allowed: 0 };
  for (let i = 0, bin = Math.floor(now() / BIN); i < 300 / BIN; i++) {
    for (const [reason, n] of Object.entries(state.bins.get(bin - i) || {})) {
      sum[reason === 'ok' ? 'allowed' : 'refused'] += n;
    }
  }
  const stores = s.stores || [];
  const wrong = stores.filter((st) => !st.up || troubles(st) > 0);
  const week = stores.reduce((n, st) => n + (st.expiring ? st.expiring['7d'] : 0), 0)
               + s.cas.filter((ca) => seconds(ca.not_after) - now() < 7 * DAY).length;
  const over = stores.reduce((n, st) => n + (st.expired || 0), 0);
  const all = sum.refused + sum.allowed;
  const tiles = [
    ['policies', 'refused in 5 minutes', count(Math.round(sum.refused)), all ? `${(100 * sum.refused / all).toFixed(1)} %` : 'no requests', false],
    ['refused', 'certificates refused', s.refused ? count(s.refused.held) : 'not kept', s.refused && s.refused.newest
      ? ['last ', ago(s.refused.newest), ' ago'] : '', false],
    ['expiring', 'expire in 7 days', count(week), over ? `${count(over)} are over` : '', week + over > 0],
    ['stores', 'stores with something wrong', count(wrong.length), wrong.map((st) => st.name).join(', '), wrong.length > 0],
  ];
  const list = $('tiles');
  tiles.forEach(([to, what, figure, more, bad], i) => {
    const item = list.children[i] || list.appendChild(el('li', null, el('a', { href: '#' + to }, el('b'), el('span'), ' ', el('span'))));
    const [a] = item.children;
    a.className = bad ? 'bad' : '';
    set(a.children[0], figure);
    set(a.children[1], what);
    set(a.children[2], more ? ['· ', more].flat() : '');
  });
  document.title = `${wrong.length ? '(!) ' : ''}${s.refused && s.refused.held ? `(${s.refused.held}) ` : ''}Client certificates`;
}

function showPolicies(s) {
  const at = (name) => s.required_at.filter((use) => use.policy === name).map((use) => `${use.server} (${use.file}:${use.line})`);
  rows(body('policies-table'), s.policies, (p) => p.name, (p) => [
    ['', [claimed(p.name), p.dry_run ? el('span', { class: 'warn' }, ' dry run: refuses nobody') : '']],
    ['n', count(p.decisions && p.decisions.ok)],
    ['n', count(p.decisions && refusedOf(p))],
    ['', byReason(p)],
    ['', ago(p.last_refused)],
    ['', `${p.rules.allow} allow, ${p.rules.deny} deny, ${count(p.rules.unused)} never used`],
    ['', at(p.name).slice(0, 5).join(', ') || 'nowhere'],
  ]);
}

function showStores(s) {
  const stores = s.stores || [];
  $('stores-none').hidden = stores.length > 0;
  $('stores-table').hidden = stores.length === 0;
  rows(body('stores-table'), stores, (st) => st.name, (st) => [
    ['', claimed(st.name)],
    ['n', count(st.entries)],
    ['', st.up ? el('span', { class: 'good' }, '✓ followed') : el('span', { class: 'bad' }, '✗ can’t be read; the last good state is in force')],
    ['', troubles(st) === 0 ? '–' : el('span', { class: 'bad' }, (st.errors || []).slice(0, 20).map((e) =>
      el('div', null, e.file ? [el('bdi', null, e.file), e.state ? ` (${e.state})` : '', ': '] : '', e.text || '')),
      troubles(st) > (st.errors || []).length ? `and ${count(troubles(st) - (st.errors || []).length)} more` : '')],
    ['', `${st.expiring ? count(st.expiring['30d']) : 0} in 30 days${st.expired ? `, ${count(st.expired)} over` : ''}`],
    ['', st.changed ? [ago(st.changed), ' ago'] : '–'],
    ['', (st.used_by || []).map((use) => `${use.action} in ${use.policy}`).join(', ') || 'nobody'],
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

  /* over the time since the last look, which was long ago if nobody looked */
  const last = Math.floor(seconds(after.now) / BIN);
  const first = Math.min(last, Math.max(last - BINS + 1, Math.floor(seconds(before.now) / BIN + 0.5)));
  for (let bin = first; bin <= last; bin++) {
    const sums = state.bins.get(bin) || {};
    for (const [reason, n] of Object.entries(added)) {
      sums[reason] = (sums[reason] || 0) + n / (last - first + 1);
    }
    state.bins.set(bin, sums);
  }
  for (const bin of state.bins.keys()) {
    if (bin <= last - BINS) {
      state.bins.delete(bin);
    }
  }
}

function rect(x, y, width, height, colour) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  for (const [name, value] of Object.entries({ x, y, width, height })) {
    node.setAttribute(name, value);
  }
  node.setAttribute('class', colour);
  return node;
}

function bars(svg, reasons, last) {
  const [, , width, height] = svg.getAttribute('viewBox').split(' ').map(Number);
  const step = width / BINS;
  const bins = Array.from({ length: BINS }, (_, i) => state.bins.get(last - BINS + 1 + i) || {});
  const max = Math.max(1, ...bins.map((sums) => reasons.reduce((n, reason) => n + (sums[reason] || 0), 0)));
  const total = {};
  svg.replaceChildren();
  bins.forEach((sums, i) => {
    let y = height;
    for (const reason of reasons) {
      const n = sums[reason] || 0;
      if (n > 0) {
        const h = Math.max(1.5, n / max * (height - 2));
        y -= h;
        svg.append(rect(i * step, y, step - 1.5, h, COLOURS[reason] || 'c1'));
        total[reason] = (total[reason] || 0) + n;
      }
    }
  });
  return { max: Math.round(max), total };
}

function showChart(s) {
  const last = Math.floor(seconds(s.now) / BIN);
  const names = [...new Set([...Object.keys(REASONS), ...s.policies.flatMap((p) => Object.keys(p.decisions || {}))])];
  const refused = bars($('chart'), names.filter((reason) => reason !== 'ok'), last);
  const allowed = bars($('allowed'), ['ok'], last);
  const list = Object.entries(refused.total).sort((a, b) => b[1] - a[1]);
  const words = list.map(([reason, n]) => `${reason} ${count(Math.round(n))}`).join(', ') || 'nobody';
  set($('chart-max'), `(at most ${count(refused.max)})`);
  set($('allowed-max'), `(at most ${count(allowed.max)})`);
  $('chart').setAttribute('aria-label', plain(`Refused in the last 10 minutes: ${words}`));
  $('allowed').setAttribute('aria-label', `Allowed in the last 10 minutes: ${count(Math.round(allowed.total.ok || 0))}`);
  const legend = $('legend');
  if (legend.dataset.words !== words) {
    legend.dataset.words = words;
    legend.replaceChildren(...(list.length ? list : [['', 0]]).map(([reason, n]) => {
      if (!reason) {
        return el('li', { class: 'aside' }, 'Nobody was refused since this page was opened, not counting policies in dry run.');
      }
      const swatch = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
      swatch.setAttribute('viewBox', '0 0 1 1');
      swatch.setAttribute('aria-hidden', 'true');
      swatch.append(rect(0, 0, 1, 1, COLOURS[reason] || 'c1'));
      return el('li', null, swatch, ` ${reason} ${count(Math.round(n))}`);
    }));
  }
}


/* refused certificates */

function refusalKey(item) { return `${item.sha256} ${item.policy}`; }

function showRefused(keepOrder) {
  const filter = { q: $('q').value.trim(), reason: $('reason').value, policy: $('policy').value };
  const q = filter.q.toLowerCase(), hex = q.replace(/[^0-9a-f]/g, '');
  const found = state.refused.filter((item) =>
    (!filter.reason || item.reason === filter.reason) && (!filter.policy || item.policy === filter.policy)
    && (item.reason !== 'denied' || filter.reason === 'denied' || $('denied').checked)
    && (!q || [item.subject, item.issuer, item.client, item.server, item.uri, item.serial, ...(item.san || [])].join('\n').toLowerCase().includes(q)
        || (hex.length >= 8 && (item.sha256.includes(hex) || item.sha1.includes(hex)))));
  const table = body('refused-table');
  let shown = found, fresh = 0;
  if (keepOrder) {
    const known = new Map(found.map((item) => [refusalKey(item), item]));
    shown = [...table.children].map((row) => known.get(row.dataset.key)).filter(Boolean);
    fresh = found.length - shown.length;
  }
  rows(table, shown, refusalKey, (item) => [
    ['', ago(item.last)],
    ['n', count(item.count)],
    ['', claimed(item.subject)],
    ['', [item.reason, item.dry_run ? ' (dry run)' : '']],
    ['', claimed(item.policy)],
    ['', claimed(item.client)],
    ['', item.verified ? '✓ verified' : 'unverified'],
    ['hex', () => [el('code', { title: item.sha256 }, item.sha256.slice(0, 8) + '…'), ' ', thumbprintCopy(item)]],
    ['buttons', () => [detailsButton(item)]],
  ]);
  $('refused-table').hidden = shown.length === 0;
  $('refused-new').hidden = fresh === 0;
  set($('refused-new').firstElementChild, `Show ${fresh} new`);
  const s = state.summary;
  $('refused-none').hidden = shown.length > 0 || fresh > 0;
  set($('refused-none'), !s.refused ? 'Refused certificates aren’t kept here: “refused=off”.'
    : state.refused.length === 0 ? `No certificate was refused since ${day(s.since)} UTC.` : 'None of them fits the search and the filters.');
  const hash = new URLSearchParams(Object.entries(filter).filter(([, v]) => v)).toString();
  history.replaceState(null, '', hash ? `#refused?${hash}` : location.hash.startsWith('#refused?') ? '#refused' : location.hash || location.pathname);
}

function thumbprintCopy(item) {
  return copy(item.sha256, 'SHA-256 thumbprint');
}

function detailsButton(item) {
  const b = button('Details', () => toggle(b.closest('tr')), `Details of ${item.subject}`);
  b.setAttribute('aria-expanded', 'false');
  return b;
}

function toggle(row) {
  const b = row.querySelector('[aria-expanded]');
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
    el('p', null, el('b', null, item.reason), ': ', REASONS[item.reason] || '', item.detail ? ` It could not be told: ${item.detail}.` : ''),
    terms([
      ['SHA-256', [el('code', null, groups(item.sha256)), ' ', copy(item.sha256, 'SHA-256 thumbprint')]],
      ['SHA-1', [el('code', null, groups(item.sha1)), ' ', copy(item.sha1, 'SHA-1 thumbprint')]],
      [item.verified ? 'Subject' : 'Subject, as claimed', claimed(item.subject)],
      [item.verified ? 'Issuer' : 'Issuer, as claimed', [claimed(item.issuer), item.self_signed ? ' (self-signed)' : '']],
      ['Other names', (item.san || []).length ? item.san.map((name) => el('div', null, claimed(name))) : ''],
      ['Serial', claimed(item.serial)],
      ['Valid', `${day(item.not_before)} to ${day(item.not_after)} UTC (${until(item.not_after)})`],
      ['nginx says', claimed(item.verify)],
      ['Asked for', [claimed(item.server), ' ', claimed(item.uri)]],
      ['Refused', `${count(item.count)} times, from ${day(item.first)} to ${day(item.last)} UTC`],
    ]));
}

async function loadRefused() {
  state.refused = state.summary.refused ? (await json(STATUS, { view: 'refused', limit: 1000 })).items : [];
}

/* what somebody points at doesn't move */
function isBusy(id) { return $(id).matches(':hover, :focus-within') && body(id).rows.length > 0; }


/* what expires: certificates of stores and CAs, the next one first */

async function loadExpiring(s) {
  const list = s.cas.map((ca) => ({ not_after: ca.not_after, what: 'a CA; whoever it has signed is refused then', where: ca.file }));
  if ((s.stores || []).some((st) => st.expired || (st.expiring && st.expiring['30d']))) {
    for (const c of (await json(STATUS, { view: 'certificates', expiring: 30, limit: 100 })).items) {
      list.push({ not_after: c.not_after, what: c.label || c.subject || c.sha256, where: `${c.store}: ${c.file || ''}` });
    }
  }
  const soon = list.filter((x) => x.not_after && seconds(x.not_after) - now() < 30 * DAY)
    .sort((a, b) => seconds(a.not_after) - seconds(b.not_after));
  rows(body('expiring-table'), soon, (x) => `${x.where} ${x.what}`, (x) => [
    ['', `${day(x.not_after)} UTC`],
    ['', el('span', { class: seconds(x.not_after) - now() < 7 * DAY ? 'bad' : 'warn' }, until(x.not_after))],
    ['', claimed(x.what)],
    ['', claimed(x.where)],
  ]);
  $('expiring-none').hidden = soon.length > 0;
  $('expiring-table').hidden = soon.length === 0;
}


/* lists that are asked for, page by page */

const lists = {
  held: {
    view: 'certificates',
    head: ['Store', 'File or line', 'Label', 'SHA-256', 'Until', ''],
    key: (c) => `${c.store} ${c.file} ${c.sha256 || c.sha1}`,
    cells: (c) => [
      ['', claimed(c.store)],
      ['', claimed(c.file || c.line)],
      ['', claimed(c.label)],
      ['hex', [el('code', null, c.sha256 || c.sha1 || '')]],
      ['', c.not_after ? `${day(c.not_after)} (${until(c.not_after)})` : '–'],
      ['buttons', () => []],
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
      ['', r.decisions === null ? 'not counted' : r.last ? [ago(r.last), ' ago'] : 'never'],
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
      table = el('table', null, el('thead', null, el('tr', null, list.head.map((name) => el('th', { scope: 'col' }, name)))), el('tbody'));
      box.replaceChildren(el('div', { class: 'box', tabindex: '0', role: 'region', 'aria-label': $(id).querySelector('h2').textContent }, table), el('p'));
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
  $(id).addEventListener('toggle', () => { if ($(id).open) { loadList(id); } });
  $(id).querySelector('form').addEventListener('submit', (event) => { event.preventDefault(); loadList(id); });
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
  const s = state.summary = await json(STATUS);
  state.skew = seconds(s.now) - Date.now() / 1000;
  set($('server'), `${location.host} · nginx ${s.nginx}, module ${s.module} · counting since ${day(s.since)} UTC · `
    + `configuration ${s.generation} loaded ${day(s.loaded)}`);
  options($('reason'), [...new Set(s.policies.flatMap((p) => Object.keys(p.decisions || {})))].filter((reason) => reason !== 'ok'));
  options($('policy'), s.policies.map((p) => p.name));
  if (!before) {
    fromHash();
  }
  countUp(before, s);
  showTiles(s);
  showChart(s);
  showPolicies(s);
  showStores(s);
  const held = state.refused.length;
  if (!before || JSON.stringify(s.refused) !== JSON.stringify(before.refused)) {
    await loadRefused();
    if (before && state.refused.length > held) {
      say(`${state.refused.length - held} new refused certificates`);
    }
  }
  showRefused(isBusy('refused-table'));
  if (!before || JSON.stringify([s.stores, s.cas]) !== JSON.stringify([before.stores, before.cas])
      || Math.floor(seconds(s.now) / 600) !== Math.floor(seconds(before.now) / 600))
  {
    await loadExpiring(s);
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
      state.failed++;
      wait = Math.min(30000, 2000 * 2 ** state.failed);
      const since = state.summary ? `no data since ${state.summary.now.slice(11, 19)} UTC. ` : '';
      live(since + e.message, true);
      if (state.failed === 3 || !state.summary) {
        say(since + e.message);
      }
    }
  }
  state.looking = false;
  state.timer = setTimeout(poll, wait);
}

function fromHash() {
  const args = new URLSearchParams(location.hash.split('?')[1] || '');
  for (const id of ['q', 'reason', 'policy']) {
    if (args.has(id)) {
      $(id).value = args.get(id);
    }
  }
}

$('pause').addEventListener('click', () => {
  state.paused = !state.paused;
  set($('pause'), state.paused ? 'Go on' : 'Pause');
  if (state.paused) {
    live('paused', true);
  } else {
    poll();
  }
});

for (const id of ['q', 'reason', 'policy', 'denied']) {
  $(id).addEventListener('input', () => { if (state.summary) { showRefused(); } });
}

$('refused-new').firstElementChild.addEventListener('click', () => showRefused());
document.addEventListener('visibilitychange', () => { if (!document.hidden) { poll(); } });

poll();
