// Turns the figures of one run into a Markdown table and an SVG plot.
import { TOOLS } from './tools.mjs';

function seconds(value) {
  if (value === undefined) return '–';
  return value < 1 ? `${value.toFixed(3)} s` : value < 10 ? `${value.toFixed(2)} s` : `${value.toFixed(1)} s`;
}

function times(value) {
  return value === undefined ? '–' : value < 10 ? `${value.toFixed(1)}×` : `${value.toFixed(0)}×`;
}

/** How a step stands against its target: `text` for people, `reached` undefined when there is nothing to judge. */
export function judge(step) {
  const { target } = step;
  const own = step.seconds.dstore;
  if (target === undefined) return { text: '', reached: undefined };
  let text, reached;
  if (target.kind === 'ratio') {
    const ratio = step.ratios[target.to];
    text = `≥ ${target.value}× ${TOOLS[target.to]?.title ?? target.to}`;
    reached = ratio === undefined ? undefined : ratio >= target.value;
  } else if (target.kind === 'seconds') {
    text = `≤ ${target.value} s`;
    reached = own === undefined ? undefined : own <= target.value;
  } else if (target.kind === 'within') {
    text = `≤ ${target.value}× ${target.to}`;
    reached = own === undefined || step.seconds[target.to] === undefined ? undefined : own <= target.value * step.seconds[target.to];
  } else {
    text = `< ${target.value} MiB`;
    const peak = step.peakMebibytes.dstore;
    reached = peak === undefined ? undefined : peak < target.value;
  }
  return { text, reached };
}

export function markdown(result) {
  const tools = result.tools;
  const lines = [
    `# Side by side, ${result.date.slice(0, 10)}`,
    '',
    `${result.machine.cpus} × ${result.machine.cpu}, ${result.machine.memoryGibibytes} GiB, ${result.machine.system}, files on ${result.machine.fileSystem}.`,
    `${Object.entries(result.versions).map(([name, version]) => `${name} ${version}`).join('; ')}.`,
    `${result.parameters.files.toLocaleString('en')} files of ${result.parameters.bytes.toLocaleString('en')} bytes in ${result.parameters.folders} folders; median of ${result.parameters.repeat}.`,
    '',
  ];
  const baselines = [...new Set(result.steps.flatMap((step) => Object.keys(step.seconds).filter((name) => !(name in TOOLS))))];
  const timed = result.steps.filter((step) => Object.keys(step.seconds).length > 0);
  lines.push(`| step | ${[...tools.map((name) => TOOLS[name].title), 'without a tool'].join(' | ')} | × DataLad | × git-annex | target | reached |`);
  lines.push(`| --- |${' ---: |'.repeat(tools.length + 3)} --- | --- |`);
  for (const step of timed) {
    const { text, reached } = judge(step);
    const bare = baselines.filter((name) => step.seconds[name] !== undefined).map((name) => `${seconds(step.seconds[name])} (${name})`).join(', ');
    lines.push(`| ${step.title} | ${tools.map((name) => seconds(step.seconds[name])).join(' | ')} | ${bare || '–'} | ${times(step.ratios.datalad)} | ${times(step.ratios['git-annex'])} | ${text} | ${reached === undefined ? '' : reached ? 'yes' : '**no**'} |`);
  }
  const memory = result.steps.filter((step) => Object.keys(step.peakMebibytes).length > 0);
  if (memory.length > 0) {
    lines.push('', 'Peak memory of the largest process, MiB:', '', `| step | ${tools.map((name) => TOOLS[name].title).join(' | ')} |`, `| --- |${' ---: |'.repeat(tools.length)}`);
    for (const step of memory) lines.push(`| ${step.title} | ${tools.map((name) => step.peakMebibytes[name] ?? '–').join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Bars on a logarithmic scale: how many times longer the peers took; a tick marks the target. */
export function svg(result) {
  const steps = result.steps.filter((step) => step.ratios.datalad !== undefined || step.ratios['git-annex'] !== undefined);
  const left = 250, width = 560, row = 44, top = 64;
  const height = top + steps.length * row + 40;
  const largest = Math.max(10, ...steps.flatMap((step) => Object.values(step.ratios)));
  const decades = Math.ceil(Math.log10(largest * 1.2));
  const x = (ratio) => left + (Math.log10(Math.max(ratio, 1)) / decades) * width;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 80} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="12" y="24" font-size="16" font-weight="600">Times longer than dstore (logarithmic)</text>`,
    `<text x="12" y="44" fill="#555">${escape(`${result.parameters.files.toLocaleString('en')} files of ${result.parameters.bytes.toLocaleString('en')} bytes, ${result.date.slice(0, 10)}; | marks the target`)}</text>`,
    `<rect x="${left + width - 210}" y="14" width="12" height="12" fill="#4477aa"/><text x="${left + width - 192}" y="24">DataLad</text>`,
    `<rect x="${left + width - 120}" y="14" width="12" height="12" fill="#ccbb44"/><text x="${left + width - 102}" y="24">git-annex</text>`,
  ];
  for (let decade = 0; decade <= decades; decade++) {
    const at = x(10 ** decade);
    out.push(`<line x1="${at}" y1="${top - 8}" x2="${at}" y2="${height - 30}" stroke="#ddd"/><text x="${at}" y="${height - 12}" text-anchor="middle" fill="#555">${10 ** decade}×</text>`);
  }
  steps.forEach((step, index) => {
    const y = top + index * row;
    out.push(`<text x="${left - 10}" y="${y + 20}" text-anchor="end">${escape(step.title)}</text>`);
    [['datalad', '#4477aa'], ['git-annex', '#ccbb44']].forEach(([name, colour], place) => {
      const ratio = step.ratios[name];
      if (ratio === undefined) return;
      const barY = y + place * 16;
      out.push(`<rect x="${left}" y="${barY}" width="${Math.max(1, x(ratio) - left).toFixed(1)}" height="14" fill="${colour}"/>`);
      out.push(`<text x="${(x(ratio) + 5).toFixed(1)}" y="${barY + 11}" font-size="11">${times(ratio)}</text>`);
    });
    if (step.target?.kind === 'ratio') out.push(`<line x1="${x(step.target.value)}" y1="${y - 3}" x2="${x(step.target.value)}" y2="${y + 33}" stroke="#cc3311" stroke-width="2"/>`);
  });
  out.push('</svg>');
  return `${out.join('\n')}\n`;
}
