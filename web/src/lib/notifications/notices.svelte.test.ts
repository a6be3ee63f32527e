import { describe, expect, it } from 'vitest';
import { Notices, plainText, type Notice } from './notices.svelte';

function make() {
	const shown: string[] = [];
	const dismissed: string[] = [];
	const toaster = {
		show: (one: Notice) => void shown.push(one.id),
		dismiss: (id: string) => void dismissed.push(id),
	};
	const view = { isLookedAt: true };
	return { shown, dismissed, view, notices: new Notices(toaster, () => view.isLookedAt) };
}

const notice = (id: string): Notice => ({ id, authorId: 'ada', author: 'Ada', where: '#c', text: 'hi', href: '/' });

describe('Notices', () => {
	it('toasts once per message, and never for the channel that is open', () => {
		const { shown, notices } = make();
		notices.message('c', 1, notice('m1'));
		notices.message('c', 1, notice('m1'));
		notices.opened('c');
		notices.message('c', 2, notice('m2'));
		expect(shown).toEqual(['m1']);
		expect(notices.spoken).toBe('Ada: hi');
	});

	it('stays silent in a tab that nobody looks at', () => {
		const { shown, view, notices } = make();
		view.isLookedAt = false;
		notices.message('c', 1, notice('m1'));
		expect(shown).toEqual([]);
	});

	it('has three toasts of a channel at most: the last one shows what is newest, and goes when that is read', () => {
		const { shown, dismissed, notices } = make();
		for (let no = 1; no <= 300; no += 1) notices.message('c', no, notice(`m${no}`));
		expect([shown.length, new Set(shown)]).toEqual([300, new Set(['m1', 'm2', 'm3'])]);
		notices.read('c', 299);
		expect(dismissed).toEqual(['m1', 'm2']);
		notices.read('c', 300);
		expect(dismissed).toEqual(['m1', 'm2', 'm3']);
	});

	it('takes away what was read, in whichever tab', () => {
		const { dismissed, notices } = make();
		notices.message('c', 1, notice('m1'));
		notices.message('c', 2, notice('m2'));
		notices.read('c', 1);
		expect(dismissed).toEqual(['m1']);
		notices.opened('c');
		expect(dismissed).toEqual(['m1', 'm2']);
	});
});

describe('plainText', () => {
	it('is one line without marks', () => {
		expect(plainText('**Look** at `this`:\n\n- [docs](https://x.y)\n```js\nlet a;\n```')).toBe(
			'Look at this: docs let a;',
		);
		expect(plainText('a'.repeat(500))).toHaveLength(160);
	});
});
