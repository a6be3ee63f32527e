/**
 * The page that shows every component, in both themes and three widths, under the server's own content security
 * policy: nothing overflows, axe finds nothing with each overlay open, and the policy is never broken.
 */
import assert from 'node:assert/strict';
import { seen } from './harness/app.mjs';
import { journey } from './harness/journey.mjs';

const WIDTHS = [1440, 1024, 390];
const OVERLAYS = [
	['Channel actions', 'menu'],
	['Popover', 'dialog'],
	['Dialog', 'dialog'],
	['Confirm', 'alertdialog'],
	['Command palette', 'dialog'],
];

journey('Every component, in both themes', async ({ arrive, step, audit }) => {
	for (const colorScheme of ['light', 'dark']) {
		await step(`${colorScheme}: axe finds nothing, with each overlay open`, async () => {
			const page = await (await arrive(`Looker ${colorScheme}`, { colorScheme })).open('/dev/ui');
			await seen(page.getByRole('heading', { name: 'Written text' }));
			assert.equal(await page.locator('html').getAttribute('data-theme'), colorScheme);
			await audit(page, `/dev/ui, ${colorScheme}`);
			for (const [name, role] of OVERLAYS) {
				await page.locator('#overlays').getByRole('button', { name, exact: true }).first().click();
				await seen(page.getByRole(role));
				await audit(page, `/dev/ui, ${colorScheme}, ${name}`);
				await page.keyboard.press('Escape');
				await page.getByRole(role).waitFor({ state: 'detached' });
			}
		});
	}

	for (const width of WIDTHS) {
		await step(`${width} px: nothing sticks out`, async () => {
			const viewport = { width, height: 900 };
			const page = await (await arrive(`Measurer ${width}`, { viewport })).open('/dev/ui');
			await seen(page.getByRole('heading', { name: 'Written text' }));
			const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
			assert.equal(overflow, 0);
		});
	}

	await step('the content security policy is never broken', async () => {
		const page = await (await arrive('Watcher', { bypassCSP: false })).open('/auth');
		const broken = [];
		await page.exposeFunction('broken', (what) => broken.push(what));
		await page.addInitScript(() => {
			document.addEventListener('securitypolicyviolation', (event) => {
				// DOMPurify parses the page's hostile sample in a document of its own; its handlers are refused there.
				if (event.violatedDirective !== 'script-src-attr') globalThis.broken(event.violatedDirective);
			});
		});
		await page.goto('/dev/ui');
		await seen(page.getByRole('heading', { name: 'Written text' }));
		await page.locator('#overlays').getByRole('button', { name: 'Command palette', exact: true }).first().click();
		await seen(page.getByRole('combobox', { name: 'Jump to' }));
		await page.keyboard.press('Escape');
		await page.getByRole('button', { name: 'From a person' }).first().click();
		await seen(page.getByRole('region', { name: /Notifications/ }).getByText('Can you look?'));
		assert.deepEqual(broken, []);
	});
});
