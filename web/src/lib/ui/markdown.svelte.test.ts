import { render } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import Markdown from './Markdown.svelte';
import { toBlocks } from './markdown';

function shown(text: string): HTMLElement {
	return render(Markdown, { text }).container;
}

describe('what strangers write stays inert', () => {
	test.each([
		'<script>alert(1)</script>',
		'<img src=x onerror=alert(1)>',
		'<svg onload=alert(1)></svg>',
		'<a href="javascript:alert(1)">x</a>',
		'[x](javascript:alert(1))',
		'[x](  JaVaScRiPt:alert(1))',
		'[x](data:text/html;base64,PHNjcmlwdD4=)',
		'[x](vbscript:x)',
		'<iframe srcdoc="<script>alert(1)</script>"></iframe>',
		'<form action="/api/v1/auths/signout"><button>x</button></form>',
		'<style>* { display: none }</style>',
		'<p style="position:fixed;inset:0" class="fixed inset-0" id="x">x</p>',
		'<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
		'<input type="text" value="password?">',
		'`<img src=x onerror=alert(1)>`',
		'```html\n<img src=x onerror=alert(1)>\n```',
		'<a href="//evil.example/x">x</a>',
	])('%s', (text) => {
		const page = shown(text);
		expect(page.querySelector('script, iframe, form, style, object, embed, [onerror], [onload]')).toBeNull();
		expect(
			page.querySelector('.prose [style], .prose p[class], .prose p[id], input:not([type=checkbox])'),
		).toBeNull();
		for (const link of page.querySelectorAll('a[href]')) {
			expect(link.getAttribute('href')).toMatch(/^(https?:|mailto:|tel:|\/(?!\/)|#|\?)/);
		}
	});
});

describe('links and pictures', () => {
	test('a link that leaves the app opens elsewhere and passes nothing on', () => {
		const link = shown('[x](https://example.org/a)').querySelector('a')!;
		expect(link.target).toBe('_blank');
		expect(link.rel).toBe('noopener noreferrer nofollow');
	});

	test('a link inside the app stays in the tab', () => {
		const link = shown('[x](/channels/1)').querySelector('a')!;
		expect(link.target).toBe('');
	});

	test('a picture from elsewhere is a link, so that nobody learns who reads', () => {
		const page = shown('![a chart](https://example.org/chart.png)');
		expect(page.querySelector('img')).toBeNull();
		expect(page.querySelector('a')?.textContent).toBe('a chart');
		expect(page.querySelector('a')?.getAttribute('href')).toBe('https://example.org/chart.png');
	});

	test('a picture of ours is shown', () => {
		expect(shown('![mine](/api/v1/files/1/content)').querySelector('img')?.alt).toBe('mine');
	});
});

describe('reading', () => {
	test('headings stand below those of the page', () => {
		expect(shown('# One').querySelector('h3')?.textContent).toBe('One');
	});

	test('boxes of a task list have words and cannot be changed', () => {
		const boxes = [...shown('- [x] a\n- [ ] b').querySelectorAll('input')];
		expect(boxes.map((box) => [box.checked, box.disabled, box.getAttribute('aria-label')])).toEqual([
			[true, true, 'done'],
			[false, true, 'to do'],
		]);
	});

	test('columns keep their side', () => {
		expect(shown('| a | b |\n|---|---:|\n| 1 | 2 |').querySelectorAll('[align=right]')).toHaveLength(2);
	});

	test('code names its language and can be copied', () => {
		const page = shown('```rust\nfn main() {}\n```');
		expect(page.querySelector('[aria-label="Code, rust"]')?.textContent).toBe('fn main() {}');
		expect(page.querySelector('button[aria-label="Copy code"]')).not.toBeNull();
	});
});

describe('a growing answer', () => {
	const ANSWER =
		'One\n\n- two\n- three\n\n```js\nlet a = 1;\n```\n\nFour **five** [six](https://example.org)\n\n> seven\n\n1. a\n\n   b\n2. c\n\nend';

	test('ends as the whole text would have been read at once, however it is cut', () => {
		for (const step of [1, 2, 3, 7]) {
			let blocks = toBlocks('');
			for (let at = 0; at <= ANSWER.length + step; at += step) blocks = toBlocks(ANSWER.slice(0, at), blocks);
			const view = (block: (typeof blocks)[number]) => (block.kind === 'code' ? block.code : block.html);
			expect(blocks.map(view)).toEqual(toBlocks(ANSWER).map(view));
		}
	});

	test('blocks that are finished are not made again', () => {
		const before = toBlocks(ANSWER.slice(0, -3));
		const after = toBlocks(ANSWER, before);
		expect(after[0]).toBe(before[0]);
		expect(after[1]).toBe(before[1]);
	});

	test('a link defined further down is still found', () => {
		const text = 'See [here][a].\n\nMore.\n\nEven more.\n\n';
		const blocks = toBlocks(text + '[a]: https://example.org/x', toBlocks(text));
		expect(blocks[0]).toMatchObject({ html: expect.stringContaining('https://example.org/x') });
	});
});
