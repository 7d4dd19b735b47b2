/*
 * The page of "clientcert_status json".  What it shows was chosen by strangers:
 * text becomes text nodes, never markup or an address.
 */

'use strict';

const [STATUS, EXPLAIN] = ['status', 'explain'].map((what) => document.querySelector(`meta[name=clientcert-${what}]`).content);
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

/* of the tab: its shape tells, too */
const ICONS = {
  good: ['#1a7f37', 8, 'M4 8l3 3 5-6'],
  look: ['#9a5b00', 8, 'M8 3v6m0 2v2'],
  bad: ['#b3261e', 1, 'M4 4l8 8m0-8l-8 8'],
  off: ['#5f6a75', 1, 'M4 8h8'],
};

const state = { failed: 0, skew: 0, said: 0, bins: new Map(), refused: [] };


/* the document */

function $(id) { return document.getElementById(id); }
function on(id, kind, action) { $(id).addEventListener(kind, action); }

/* nothing that hides, turns around or poses as something else */
function plain(text) {
  return String(text ?? '').replace(/[^\x20-\x7e\n–·…✓✗‘-”]/g, (c) => '\\u{' + c.codePointAt(0).toString(16) + '}');
}

/* a function is a listener */
function give(node, attributes) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === 'function') {
      node.addEventListener(name, value);
    } else if (value) {
      node.setAttribute(name, value);
    }
  }
  return node;
}

function svg(tag, attributes) { return give(document.createElementNS(SVG, tag), attributes); }

function el(tag, attributes, ...children) {
  const node = give(document.createElement(tag), attributes);
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
  state.saying = setTimeout(() => {
    state.said = Date.now();
    set($('say'), text);
    state.saying = setTimeout(() => set($('say')), 30000);
  }, now ? 0 : state.said + 10000 - Date.now());
}

/* by numbers, or as people sort names */
const collator = new Intl.Collator('en', { numeric: true });

function sorted(items, { cellIndex: i, ariaSort }, cells) {
  const value = ([, content, by = el('p', null, content).textContent]) => by;
  const order = ([a], [b]) => typeof a === 'number' ? a - b : collator.compare(a, b);
  return items.map((item) => [value(cells(item)[i]), item]).sort(ariaSort === 'ascending' ? order : (a, b) => order(b, a)).map(([, item]) => item);
}

/*
 * Rows are changed in place, so that focus and what was opened stay.  What
 * somebody points at doesn't move, unless asked for: new ones come below.
 */
function rows(body, items, key, cells, asked) {
  const table = body.parentNode, th = table.querySelector('[aria-sort]');
  table.shown = [body, items, key, cells];
  if (!asked && body.matches(':hover, :focus-within')) {
    const at = new Map([...body.children].map((row, i) => [row.dataset.key, i])), place = (item) => at.get(key(item)) ?? 9999;
    items = [...items].sort((a, b) => place(a) - place(b));
  } else if (th) {
    items = sorted(items, th, cells);
  }
  const old = new Map([...body.children].map((row) => [row.dataset.key, row]));
  let at = body.firstElementChild;
  for (const item of items) {
    const k = key(item);
    let row = old.get(k);
    const wanted = cells(item);
    if (row) {
      old.delete(k);
    } else {
      row = el('tr', { 'data-key': k }, wanted.map(([kind]) => kind === 'row' ? el('th', { scope: kind }) : el('td', { class: kind })));
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
      if (row.nextElementSibling !== row.more) {
        row.after(row.more);
      }
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

function body(table) { return $(table).tBodies[0]; }

/* the head of a column sorts by it: by numbers and times the largest first */
function sortBy(th) {
  const { shown } = th.closest('table'), [, [item] = [], , cells] = shown || [];
  if (!item) {
    return;
  }
  const down = th.ariaSort ? th.ariaSort === 'ascending' : typeof cells(item)[th.cellIndex][2] === 'number';
  for (const other of th.parentNode.cells) {
    other.ariaSort = null;
  }
  th.ariaSort = down ? 'descending' : 'ascending';
  rows(...shown, true);
}

/* links, each in a place that stays; a text is told once it is there */
function links(list, items) {
  items.forEach(([to, bad, ...content], i) => {
    const { firstChild: a } = list.children[i] || list.appendChild(el('li', null, el('a')));
    a.href = '#' + to;
    a.className = bad ? 'bad' : '';
    set(a, content);
  });
  while (list.children.length > items.length) {
    list.lastChild.remove();
  }
}

/* it is scrolled by the keyboard, too */
function reach(box, label) {
  give(box, { tabindex: '0', role: 'group', 'aria-label': `${label}, to scroll` });
  give(box.firstElementChild, { 'aria-label': label });
}

function goTo(node) {
  node.tabIndex = -1;
  node.focus();
  node.scrollIntoView();
}

/* a text that is somebody's */
function claimed(text) { return el('bdi', null, text || '–'); }

function groups(hex) { return hex.toUpperCase().match(/.{1,4}/g).join(' '); }

function copy(text, what = 'SHA-256 thumbprint') {
  return button('Copy', async () => {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`, true);
  }, `Copy: the ${what}`);
}


/* times, by the server's clock */

function seconds(time) { return Date.parse(time) / 1000 || 0; }
function now() { return Date.now() / 1000 + state.skew; }

function span(s) {
  const [n, unit] = s < 60 ? [s, 's'] : s < 3600 ? [s / 60, 'min'] : s < 2 * DAY ? [s / 3600, 'h'] : [s / DAY, 'days'];
  return `${Math.floor(Math.max(0, n))} ${unit}`;
}

function ago(time) { return time ? el('time', { title: time }, span(now() - seconds(time)), ' ago') : 'never'; }
function until(time) { const s = seconds(time) - now(); return s < 0 ? `expired ${span(-s)} ago` : `ends in ${span(s)}`; }
function within(days, time) { return seconds(time) - now() < days * DAY; }
function day(time) { return String(time).slice(0, 16).replace('T', ' '); }
function many(n, what) { return `${count(n)} ${what}${n === 1 ? '' : 's'}`; }
function count(n) { return n?.toLocaleString('en') ?? '?'; }


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
    throw new Failed(value?.error?.text || `The server answered ${answer.status}${
      answer.status === 401 || answer.status === 403 ? ': your certificate may not read this' : ''}.`);
  }
  return value;
}


/* what is shown of a summary */

function words(sums) {
  return Object.entries(sums).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => `${reason} ${count(Math.round(n))}`);
}

/* what is wrong now, in words */
function showWrong(s) {
  const list = [], wrong = (to, ...text) => list.push([to, true, ...text]);
  for (const st of s.stores) {
    const store = (...text) => wrong('stores', 'The store ', claimed(st.name), ...text), [first] = st.errors;
    if (!st.up) {
      store(` is as it was at ${day(st.since)} UTC and isn’t followed: ${st.error}`);
    }
    if (first) {
      store(st.errors_total > 1 ? ` has ${count(st.errors_total)} bad files, one is ` : ' has a bad file, ',
        claimed(first.file), ` (${first.state}): ${first.text}`);
    }
    if (st.memory.needed) {
      store(' is full: ', full(st));
    }
  }
  for (const ca of s.cas.filter((ca) => within(7, ca.not_after))) {
    wrong('expiring', 'A CA of ', claimed(ca.file), ` ${until(ca.not_after)}: whoever it has signed is refused then`);
  }
  const errors = [...state.bins.values()].reduce((n, sums) => n + (sums.error || 0), 0);
  if (errors) {
    wrong('policies', `Refused of late by an error: ${many(Math.ceil(errors), 'request')}. nginx’s error log says more`);
  }
  if (s.zone.left_out) {
    wrong('policies', `clientcert_status_zone is full: ${count(s.zone.left_out)} policies and rules are counted together`);
  }
  const n = list.length, text = n ? `✗ ${many(n, 'thing')} wrong` : '✓ Nothing is wrong';
  links($('wrong'), list);
  $('state').className = n ? 'bad' : 'good';
  set($('h-state'), text);
  if (n > state.wrong) {
    say(text);
  }
  state.wrong = n;
}

function showTiles(s) {
  let all = 0, refused = 0;
  for (const [reason, n] of [...state.bins.values()].flatMap(Object.entries)) {
    all += n;
    refused += reason === 'ok' ? 0 : n;
  }
  const { stores } = s, sum = (what) => stores.reduce((n, st) => n + (what(st) || 0), 0);
  const week = sum((st) => st.expiring?.['7d']) + s.cas.filter((ca) => within(7, ca.not_after)).length;
  const over = sum((st) => st.expired), bad = sum((st) => !st.up || st.errors_total || st.memory.needed ? 1 : 0);
  const waiting = s.refused && waits().length;
  links($('tiles'), [
    ['policies', 0, `refused in ${span(Math.min(BIN * BINS, now() - state.began))}`, count(Math.round(refused)),
      all ? `${(100 * refused / all).toFixed(1)} % of requests` : 'no requests'],
    ['refused', 0, 'to look at', s.refused ? count(waiting) : '–', s.refused ? `of ${many(s.refused.held, 'refused certificate')}` : 'not kept'],
    ['expiring', week + over, 'expiring in 7 days', count(week), over ? `${count(over)} expired` : 'none has expired'],
    ['stores', bad, 'certificates in stores', count(sum((st) => st.entries)), `${many(stores.length, 'store')}${bad ? `, ${bad} with something wrong` : ''}`],
  ].map(([to, bad, what, figure, more]) => [to, bad, el('b', null, figure), ` ${what}`, el('small', null, ` ${more}`)]));
  mark(state.wrong ? 'bad' : waiting ? 'look' : 'good', `${state.wrong ? '! ' : ''}${waiting ? `(${waiting}) ` : ''}`);
}

/* the tab tells how it is, too */
function mark(kind, before) {
  const [fill, round, d] = ICONS[kind];
  const icon = 'data:image/svg+xml,' + encodeURIComponent(`<svg xmlns="${SVG}" viewBox="0 0 16 16"><rect width="16" height="16" rx="${round}" `
    + `fill="${fill}"/><path d="${d}" stroke="#fff" stroke-width="2" fill="none"/></svg>`);
  if ($('icon').href !== icon) {
    $('icon').href = icon;
  }
  document.title = `${before}Client certificates`;
}

function showPolicies(s) {
  rows(body('policies-table'), s.policies, (p) => p.name, (p) => {
    const { ok, ...refused } = p.decisions || {}, rates = state.rates.get(p.name) || [];
    const rate = (n) => ['n', n === undefined ? '–' : n.toFixed(1), n ?? -1];
    return [
      ['row', [claimed(p.name), p.dry_run ? el('span', { class: 'warn' }, ' dry run: refuses nobody') : '']],
      rate(rates[0]),
      ['n', count(ok), ok ?? -1],
      rate(rates[1]),
      ['', p.decisions ? words(refused).join(', ') || 'nobody' : '?', Object.values(refused).reduce((n, m) => n + m, 0)],
      ['', ago(p.last_refused), seconds(p.last_refused)],
      ['', `${p.rules.allow} allow, ${p.rules.deny} deny, ${count(p.rules.unused)} never used`],
    ];
  });
  set($('servers'), s.servers.filter((at) => at.refused_495 + at.refused_496).map((at) => el('div', null, 'Before any policy was asked, nginx itself refused at ',
    claimed(at.name), ` ${many(at.refused_495, 'request')} for a bad certificate and ${count(at.refused_496)} for want of one.`)));
}

function full(st) { return st.memory.needed ? `its zone needs size=${Math.ceil(st.memory.needed / 1024)}k` : ''; }

function showStores(s) {
  empty('stores', !s.stores.length);
  rows(body('stores-table'), s.stores, (st) => st.name, (st) => [
    ['row', claimed(st.name)],
    ['n', count(st.entries), st.entries],
    ['', st.up ? '✓ followed' : el('span', { class: 'bad' }, `✗ ${st.error}, since ${day(st.since)}; as it was then`)],
    ['', el('span', { class: 'bad' }, st.errors.map((e) => el('div', null, el('bdi', null, e.file), ` (${e.state}): ${e.text}`)),
      st.errors_total > st.errors.length ? `and ${count(st.errors_total - st.errors.length)} more` : '',
      full(st)), st.errors_total],
    ['', st.expiring ? `${count(st.expiring['30d'])} in 30 days, ${count(st.expired)} expired` : '–', st.expiring ? st.expiring['30d'] + st.expired : -1],
    ['', ago(st.changed), seconds(st.changed)],
    ['', st.used_by.map((use) => `${use.action} in ${use.policy}`).join(', ')],
  ]);
}


/* the chart */

/* what came between two looks; nothing where the counters may have begun anew */
function countUp(before, after) {
  const added = {}, past = (performance.now() - state.at) / 1000;
  state.at = performance.now();
  state.rates = new Map();
  if (!before || before.since !== after.since || before.generation !== after.generation) {
    return;
  }
  for (const policy of after.policies) {
    const old = before.policies.find((p) => p.name === policy.name);
    if (!old?.decisions || !policy.decisions) {
      continue;
    }
    const more = Object.entries(policy.decisions).map(([reason, n]) => [reason, n - (old.decisions[reason] || 0)]);
    if (more.some(([, n]) => n < 0)) {
      continue;
    }
    state.rates.set(policy.name, [true, false].map((ok) => more.reduce((sum, [reason, n]) => sum + ((reason === 'ok') === ok ? n : 0), 0) / past));
    for (const [reason, n] of policy.dry_run ? [] : more) {
      added[reason] = (added[reason] || 0) + n;
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

function bars(chart, shown, last) {
  const [, , width, height] = chart.getAttribute('viewBox').split(' ').map(Number);
  const bins = Array.from({ length: BINS }, (_, i) => Object.entries(state.bins.get(last - BINS + 1 + i) || {}).filter(([reason, n]) => n > 0 && shown(reason)));
  const max = Math.max(1, ...bins.map((sums) => sums.reduce((sum, [, n]) => sum + n, 0)));
  const total = {};
  chart.replaceChildren();
  bins.forEach((sums, i) => {
    let y = height;
    for (const [reason, n] of sums) {
      const h = Math.max(1.5, n / max * height);
      y -= h;
      chart.append(svg('rect', { x: i * width / BINS, y, width: width / BINS - 1.5, height: h, class: colour(reason) }));
      total[reason] = (total[reason] || 0) + n;
    }
  });
  return { max: Math.round(max), total };
}

function showChart(s) {
  const last = Math.floor(seconds(s.now) / BIN);
  const refused = bars($('chart'), (reason) => reason !== 'ok', last);
  const allowed = bars($('allowed'), (reason) => reason === 'ok', last);
  const list = words(refused.total);
  set($('chart-max'), `(at most ${count(refused.max)})`);
  set($('allowed-max'), `(at most ${count(allowed.max)})`);
  $('chart').setAttribute('aria-label', plain(`Refused in the last 10 minutes: ${list.join(', ') || 'nobody'}`));
  $('allowed').setAttribute('aria-label', `Allowed in the last 10 minutes: ${count(Math.round(allowed.total.ok || 0))}`);
  set($('legend'), list.map((word) => {
    const swatch = svg('svg', { viewBox: '0 0 1 1', 'aria-hidden': 'true' });
    swatch.append(svg('rect', { width: 1, height: 1, class: colour(word.split(' ')[0]) }));
    return el('li', null, swatch, ` ${word}`);
  }));
}


/* refused certificates */

const FILTERS = ['q', 'reason', 'policy'];

function refusalKey(item) { return `${item.sha256} ${item.policy}`; }

function asNow(item) { return `${item.first} ${item.count}`; }

/* what was put off in this browser, and wasn't refused since */
function putOff() {
  try {
    const was = new Map(JSON.parse(localStorage.getItem('clientcert-later')));
    return state.refused.filter((item) => was.get(refusalKey(item)) === asNow(item));
  } catch (e) {
    return [];
  }
}

function later(list) {
  try {
    localStorage.setItem('clientcert-later', JSON.stringify(list.map((item) => [refusalKey(item), asNow(item)])));
  } catch (e) {
    say('This browser keeps nothing for this page.', true);
  }
  showRefused(true);
}

function waits() {
  const off = putOff();
  return state.refused.filter((item) => item.reason !== 'denied' && !off.includes(item));
}

function showRefused(asked) {
  const reason = $('reason').value, policy = $('policy').value, q = $('q').value.trim().toLowerCase(), hex = q.replace(/[^0-9a-f]/g, '');
  const off = putOff(), table = body('refused-table');
  const found = state.refused.filter((item) =>
    (!reason || item.reason === reason) && (!policy || item.policy === policy)
    && (state.open.has(refusalKey(item)) || (!off.includes(item) && (item.reason !== 'denied' || reason || $('denied').checked)))
    && [q, hex.length < 8 ? q : hex].some((text) => Object.values(item).join('\n').toLowerCase().includes(text)));
  rows(table, found, refusalKey, (item) => [
    ['', ago(item.last), seconds(item.last)],
    ['n', count(item.count), item.count],
    ['row', claimed(item.subject)],
    ['', [item.reason, item.dry_run && ' (dry run)']],
    ['', claimed(item.policy)],
    ['', claimed(item.client)],
    ['', item.verified ? '✓ verified' : 'unverified'],
    ['hex', () => [el('code', { title: item.sha256 }, item.sha256.slice(0, 8) + '…'), ' ', copy(item.sha256, `SHA-256 thumbprint of ${item.subject}`)], item.sha256],
    ['buttons', () => [button('Details', openOrClose, `Details of ${item.subject}, ${item.policy}`), ' ',
      button('Later', putOffThis, `Later: hide ${item.subject}, ${item.policy}`)]],
  ], asked);
  for (const row of [...table.children].filter((row) => row.item)) {
    const open = state.open.has(row.dataset.key);
    row.querySelector('.buttons button').ariaExpanded = open;
    if (open && !row.more) {
      row.more = el('tr', { 'data-key': 'more ' + row.dataset.key }, el('td', { colspan: row.cells.length }, details(row.item)));
      row.after(row.more);
    } else if (!open && row.more) {
      row.more.remove();
      row.more = null;
    }
  }
  empty('refused', !found.length);
  $('later').hidden = !off.length;
  set($('later').firstChild, `${off.length} put off until refused again. `);
  const s = state.summary;
  set($('refused-none'), !s.refused ? 'Refused certificates aren’t kept here: “refused=off”.'
    : state.refused.length === 0 ? `No certificate was refused since ${day(s.since)} UTC.`
      : waits().length === 0 ? 'None waits to be looked at.' : 'None of them fits the search and the filters.');
}

function openOrClose(event) {
  const { key } = event.target.closest('tr').dataset;
  state.open.delete(key) || state.open.add(key);
  showRefused();
  write();
}

function putOffThis(event) {
  const places = () => [...body('refused-table').querySelectorAll('.buttons button:last-child')];
  const i = places().indexOf(event.target), row = event.target.closest('tr');
  state.open.delete(row.dataset.key);
  later([...putOff(), row.item]);
  write();
  (places()[i] || places()[i - 1] || $('later').lastChild).focus();
}


/* the address: "#refused?q=globex&open=..." is a link to what is shown */

function write(place = 'refused', step) {
  const args = new URLSearchParams(FILTERS.map((id) => [id, $(id).value]).filter(([, value]) => value));
  if ($('denied').checked) {
    args.set('denied', 1);
  }
  for (const key of state.open) {
    args.append('open', key);
  }
  const hash = `#${place}${args.size ? '?' : ''}${args}`;
  if (hash !== location.hash) {
    history[step && step === state.step ? 'replaceState' : 'pushState'](null, '', hash);
  }
  state.step = step;
}

/* what doesn't exist, or no longer, is as if it weren't asked for */
function follow(block) {
  const [, place, query] = /^#?([^?]*)\??(.*)/s.exec(location.hash), args = new URLSearchParams(query);
  for (const id of FILTERS) {
    $(id).value = args.get(id) || '';
    $(id).value ||= '';
  }
  $('denied').checked = args.has('denied');
  state.step = null;
  state.open = new Set(args.getAll('open').filter((key) => state.refused.some((item) => refusalKey(item) === key)));
  if (args.has('open') && !state.open.size) {
    say('What the address points at isn’t among the refused certificates any more.', true);
  }
  showRefused(true);
  const at = $(place);
  if (at?.closest('main')) {
    (document.querySelector('[aria-expanded=true]') || at).scrollIntoView({ block });
  }
}

function terms(list) {
  return el('dl', null, list.filter(([, value]) => value).flatMap(([name, value]) => [el('dt', null, name), el('dd', null, value)]));
}

function details(item) {
  return el('div', { class: 'more' },
    el('p', null, el('b', null, item.reason), ': ', REASONS[item.reason], item.detail && `; unknown is ${item.detail}`),
    whyOf(item),
    terms([
      ['SHA-256', [el('code', null, groups(item.sha256)), ' ', copy(item.sha256)]],
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
    if (!kept?.der) {
      throw new Failed('It isn’t kept: its owner has the file.');
    }
    const der = fromBase64(kept.der);
    return why(box, { der, body: der, verified: item.verified }, item.policy, item.sha256);
  }).catch((e) => set(box, e.message));
  return box;
}


/* what expires: certificates of stores and CAs, the next one first */

async function loadExpiring(s) {
  const list = s.cas.map((ca) => ({ not_after: ca.not_after, what: 'a CA; whoever it has signed is refused then', where: ca.file }));
  if (s.stores.some((st) => st.expired || st.expiring?.['30d'])) {
    for (const c of (await json(STATUS, { view: 'certificates', expiring: 30, sort: 'not_after' })).items) {
      list.push({ not_after: c.not_after, what: c.label || c.sha256, where: `${c.store}: ${c.file}` });
    }
  }
  const soon = list.filter((x) => within(30, x.not_after))
    .sort((a, b) => seconds(a.not_after) - seconds(b.not_after));
  rows(body('expiring-table'), soon, (x) => `${x.where} ${x.what}`, (x) => [
    ['', `${day(x.not_after)} UTC`],
    ['', el('span', { class: within(7, x.not_after) ? 'bad' : 'warn' }, until(x.not_after))],
    ['row', claimed(x.what)],
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
      ['row', claimed(c.file)],
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
      ['row', el('code', null, r.text)],
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

function fromBase64(text) { return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); }

function pem(der) {
  const text = btoa(String.fromCharCode(...der));
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
    el('li', null, c.holds ? '✓ ' : c.holds === false ? '✗ ' : '? ', el('code', null, c.text), ' – found: ', claimed(c.found || c.doubt || 'nothing')))));
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
    buttons[0] ? el('p', null, buttons) : '',
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
  const name = el('input', { value: `${slug}-${cert.sha256.slice(0, 8)}` });
  const owner = el('input', { autocomplete: 'off' });
  const other = el('input', { type: 'checkbox' });
  const check = () => {
    go.disabled = !/^[a-z0-9][a-z0-9._-]{0,90}$/.test(name.value)
      || !(block || other.checked || owner.value.toLowerCase().replace(/^.*=|[^0-9a-f]/g, '') === cert.sha256);
  };
  const go = ask(block ? 'Block this certificate?' : 'Allow this certificate?', [
    terms([['SHA-256', el('code', null, groups(cert.sha256))], ['Subject, as claimed', claimed(cert.subject)],
      ['Issuer, as claimed', claimed(cert.issuer)], ['Store', claimed(up.store)], ['Lets it into', !block && policy], ['May let it into', !block && [...also.also_allows, ...also.partial ? ['others'] : []].join(', ')]]),
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

/* all are explained, the first one alone goes into a store; no other file is sent */
function read(data) {
  const text = new TextDecoder('latin1').decode(data);
  const all = /PRIVATE KEY-/.test(text) ? []
    : [...text.matchAll(/-----BEGIN (?:X509 )?CERTIFICATE-----([^-]*)-----END/g)].map((block) => fromBase64(block[1]));
  const inside = (at) => data[at] === 48 && at + 2 + (data[at + 1] & 128 && data[at + 1] & 127);
  if (!all.length && ![2, 160].includes(data[inside(inside(0))])) {
    throw new Failed('There is a private key in it, or no certificate.');
  }
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
for (const kind of ['dragover', 'drop']) {
  window.addEventListener(kind, (event) => event.preventDefault());
}


for (const th of document.querySelectorAll('thead th')) {
  th.scope = 'col';
  set(th, button(th.textContent.trim(), () => sortBy(th)));
}
for (const box of document.querySelectorAll('.box')) {
  const section = box.closest('section'), label = section.querySelector('h2').textContent;
  give(section, { 'aria-label': label });
  reach(box, label);
}


/* live */

function options(select, names) {
  for (const name of names) {
    if (![...select.options].some((o) => o.value === name)) {
      select.append(el('option', { value: name }, name));
    }
  }
}

options($('reason'), Object.keys(REASONS));

function live(text, off) {
  set($('live'), text);
  $('live').className = off ? 'off' : '';
  document.body.classList.toggle('stale', state.failed >= 3);
}

async function look() {
  const before = state.summary;
  const s = state.summary = await json(STATUS);
  state.skew = seconds(s.now) - Date.now() / 1000;
  state.began ||= now();
  set($('server'), `${location.host} · nginx ${s.nginx}, module ${s.module} · counting since ${day(s.since)} UTC · `
    + `configuration ${s.generation} loaded ${day(s.loaded)}`);
  options($('policy'), s.policies.map((p) => p.name));
  options($('try-policy'), s.policies.map((p) => p.name));
  countUp(before, s);
  showWrong(s);
  showChart(s);
  showPolicies(s);
  showStores(s);
  const refusals = JSON.stringify([s.refused, s.policies.map((p) => ({ ...p.decisions, ok: 0 }))]);
  if (state.refusals !== refusals) {
    const old = waits().map(refusalKey);
    state.refused = s.refused ? (await json(STATUS, { view: 'refused', limit: 1000 })).items : [];
    const n = waits().filter((item) => !old.includes(refusalKey(item))).length;
    if (state.refusals && n) {
      say(`${n} to look at, refused just now`);
    }
    state.refusals = refusals;
  }
  if (state.open) {
    showRefused();
  } else {
    follow('start');
  }
  showTiles(s);
  const ends = JSON.stringify([s.cas, s.now.slice(0, 15), s.stores.map((st) => [st.changed, st.expired, st.expiring])]);
  if (state.ends !== ends) {
    await loadExpiring(s);
    state.ends = ends;
  }
}

async function poll() {
  let wait = document.hidden ? 30000 : 2000;      /* the tab tells how it is */
  clearTimeout(state.timer);
  if (state.looking) {
    return;
  }
  state.looking = true;
  if (!state.paused) {
    try {
      await look();
      state.failed = 0;
      live('live, every 2 s');
    } catch (e) {
      if (!(e instanceof Failed)) {
        console.error(e);
      }
      state.failed++;
      wait = Math.min(30000, wait * 2 ** state.failed);
      const since = state.summary ? `no data since ${state.summary.now.slice(11, 19)} UTC. ` : '';
      live(since + e.message, true);
      if (!state.summary) {
        set($('h-state'), '✗ ', e.message);
      }
      if (state.failed === 3) {
        say(since + e.message);
        mark('off', '? ');
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

for (const id of [...FILTERS, 'denied']) {
  on(id, 'input', () => {
    if (state.open) {
      showRefused(true);
      write('refused', id);
    }
  });
}

$('later').lastChild.addEventListener('click', () => {
  later([]);
  goTo($('refused'));
});

/* within the page, what is shown stays in the address */
document.addEventListener('click', (event) => {
  const a = event.target.closest('a[href^="#"]');
  if (a && state.open && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    const at = $(a.hash.slice(1));
    write(at.id);
    goTo(at);
  }
});
window.addEventListener('hashchange', () => state.open && follow('nearest'));

document.addEventListener('visibilitychange', poll);

poll();
