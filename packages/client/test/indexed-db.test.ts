/**
 * The outbox's store in a browser: what several tabs do to one database, and what happens when it refuses.
 */
import { IDBFactory } from 'fake-indexeddb';
import { expect, it } from 'vitest';
import { IndexedDbStore } from '../src/outbox/indexed-db.ts';
import { KeptOrNot } from '../src/outbox/kept-or-not.ts';
import { newRow, type Row } from '../src/outbox/row.ts';

function row(id: string, order = 1): Row {
	return newRow(id, { kind: 'x', resource: 'r', request: { method: 'POST', path: '/x' } }, order, 0);
}

const ids = async (store: { read(): Promise<unknown[]> }) => (await store.read()).map((one) => (one as Row).id);

it('keeps rows over a restart, and per person', async () => {
	const browser = new IDBFactory();
	const first = new IndexedDbStore('ada', browser);
	expect(await first.change(() => ({ put: [row('a'), row('b')], answer: 'kept' }))).toBe('kept');
	first.close();
	const again = new IndexedDbStore('ada', browser);
	expect(await again.read()).toEqual([row('a'), row('b')]);
	expect(await ids(new IndexedDbStore('bob', browser))).toEqual([]);
	await again.change(() => ({ put: [row('c')], remove: ['a'], answer: null }));
	expect(await ids(again)).toEqual(['b', 'c']);
	await again.clear();
	expect(await ids(again)).toEqual([]);
});

it('lets no tab between reading and writing', async () => {
	const browser = new IDBFactory();
	const tabs = [new IndexedDbStore('ada', browser), new IndexedDbStore('ada', browser)];
	const adding = (tab: IndexedDbStore) =>
		tab.change((stored) => {
			const order = stored.length + 1;
			return { put: [row(`row ${order}`, order)], answer: order };
		});
	const orders = await Promise.all([...Array(20).keys()].map((n) => adding(tabs[n % 2] as IndexedDbStore)));
	expect(orders.toSorted((a, b) => a - b)).toEqual([...Array(20).keys()].map((n) => n + 1));
});

it('writes nothing of a change that was thrown out of', async () => {
	const store = new IndexedDbStore('ada', new IDBFactory());
	const refused = store.change(() => {
		throw new Error('does not fit');
	});
	await expect(refused).rejects.toThrow('does not fit');
	const unclonable = { ...row('a'), note: (() => undefined) as never };
	await expect(store.change(() => ({ put: [row('b'), unclonable], answer: null }))).rejects.toThrow();
	expect(await ids(store)).toEqual([]);
});

it('goes on in memory where the browser keeps nothing, and says so', async () => {
	const refusing = {
		open: () => {
			throw new DOMException('no', 'SecurityError');
		},
	} as unknown as IDBFactory;
	const store = new KeptOrNot(new IndexedDbStore('ada', refusing));
	await store.change(() => ({ put: [row('a')], answer: null }));
	expect([await ids(store), store.isKept]).toEqual([['a'], false]);
	const kept = new KeptOrNot(new IndexedDbStore('ada', new IDBFactory()));
	await kept.read();
	expect(kept.isKept).toBe(true);
});

it('opens the database anew after the browser closed it', async () => {
	const browser = new IDBFactory();
	const store = new IndexedDbStore('ada', browser);
	await store.change(() => ({ put: [row('a')], answer: null }));
	const deleted = new Promise<void>((resolve) => {
		browser.deleteDatabase('ada').onsuccess = () => resolve();
	});
	await deleted;
	expect(await ids(store), 'it let go of it').toEqual([]);
});
