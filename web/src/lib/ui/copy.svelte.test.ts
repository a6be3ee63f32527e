import { afterEach, expect, test, vi } from 'vitest';
import { copyText } from './copy';

const clipboard = (value: unknown) => Object.defineProperty(navigator, 'clipboard', { value, configurable: true });

/** What a browser does on `execCommand('copy')`: an event whose listener gives the text. */
function browserThatCopies() {
	const copied: string[] = [];
	document.execCommand = () => {
		const event = new Event('copy', { bubbles: true, cancelable: true });
		Object.assign(event, { clipboardData: { setData: (_: string, text: string) => copied.push(text) } });
		document.dispatchEvent(event);
		return true;
	};
	return copied;
}

afterEach(() => {
	clipboard(undefined);
	Reflect.deleteProperty(document, 'execCommand');
});

test('writes to the clipboard where there is one', async () => {
	const writeText = vi.fn(() => Promise.resolve());
	clipboard({ writeText });
	expect(await copyText('one\ntwo')).toBe(true);
	expect(writeText).toHaveBeenCalledWith('one\ntwo');
});

test('copies a selection over plain HTTP, where browsers have no clipboard, and leaves nothing behind', async () => {
	clipboard(undefined);
	const copied = browserThatCopies();
	const before = document.body.innerHTML;
	expect(await copyText('one\ntwo')).toBe(true);
	expect(copied).toEqual(['one\ntwo']);
	expect([document.body.innerHTML, getSelection()?.rangeCount]).toEqual([before, 0]);
});

test('copies a selection when the clipboard is refused, and says so when that fails too', async () => {
	clipboard({ writeText: () => Promise.reject(new DOMException('no', 'NotAllowedError')) });
	const copied = browserThatCopies();
	expect(await copyText('one')).toBe(true);
	expect(copied).toEqual(['one']);
	document.execCommand = () => false;
	expect(await copyText('two')).toBe(false);
});
