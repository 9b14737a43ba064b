// tuf-js reads a repository that Linnet wrote: refreshes from a root that it is given, and downloads targets.
//   node tuf_js_client.mjs ROOT_FILE BASE_URL SCRATCH_FOLDER TARGET...
// BASE_URL has metadata/ and targets/. Prints one line of each target; exit 1 with one line where something is refused.
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

// From where it was installed, not from beside this file.
const require = createRequire(`${process.cwd()}/`);
const { Updater } = require('tuf-js');

const [root, url, scratch, ...targets] = process.argv.slice(2);
const metadataDir = `${scratch}/metadata`, targetDir = `${scratch}/targets`;
mkdirSync(metadataDir, { recursive: true });
mkdirSync(targetDir, { recursive: true });
copyFileSync(root, `${metadataDir}/root.json`);
try {
  const updater = new Updater({
    metadataDir, metadataBaseUrl: `${url}/metadata`, targetDir, targetBaseUrl: `${url}/targets`,
    config: { fetchRetries: 0, fetchTimeout: 10_000 },
  });
  await updater.refresh();
  for (const name of targets) {
    const info = await updater.getTargetInfo(name);
    if (!info) throw new Error(`${name}: no role vouches for it`);
    const bytes = readFileSync(await updater.downloadTarget(info));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (bytes.length !== info.length || sha256 !== info.hashes.sha256) throw new Error(`${name}: other bytes`);
    console.log(`${name} ${bytes.length} ${sha256}`);
  }
} catch (error) {
  console.error(`tuf-js: ${error.name}: ${error.message}`);
  process.exit(1);
}
