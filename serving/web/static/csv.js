// Results as CSV, in the same format as serving/csv_rows.py.

// A spreadsheet runs a cell that begins with one of these as a formula (see common/text.py).
const startsFormula = (text) => /^[=+\-@\t\r\n]/.test(text);
const nameCell = (name) => (startsFormula(name) ? `./${name}` : name);
const cell = (text) => (startsFormula(text) ? `'${text}` : text);
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const line = (cells) => `${cells.map(quoted).join(',')}\n`;

const OF_VERDICT = ['is_known', 'p_known', 'unknown_score', 'likely'];
const rounded = (value) => String(Number(value.toPrecision(7)));

function verdictCells({ is_known: isKnown, p_known: pKnown, unknown_score: score, likely }) {
  if (isKnown === undefined) return OF_VERDICT.map(() => '');
  return [String(isKnown), rounded(pKnown), rounded(score), cell(likely.join('|'))];
}

// Rows are {name, problem, predictions}, and what the limits of the model say if they are known.
export function csvOf(rows) {
  const hasVerdicts = rows.some((row) => row.is_known !== undefined);
  const count = Math.max(...rows.map((row) => row.predictions.length));
  const places = Array.from({ length: count }, (_, place) => place + 1);
  const heading = places.flatMap((place) => [`class_${place}`, `probability_${place}`]);
  const lines = rows.map((row) => {
    const { name, problem, predictions } = row;
    const cells = places.flatMap((place) => {
      const { label = '', probability } = predictions[place - 1] ?? {};
      return [cell(label), probability === undefined ? '' : rounded(probability)];
    });
    return line([nameCell(name), problem, ...cells, ...(hasVerdicts ? verdictCells(row) : [])]);
  });
  const columns = ['file', 'error', ...heading, ...(hasVerdicts ? OF_VERDICT : [])];
  return line(columns) + lines.join('');
}
