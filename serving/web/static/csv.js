// Results as CSV, in the same format as serving/csv_rows.py.

// A spreadsheet runs a cell that begins with one of these as a formula (see common/text.py).
const startsFormula = (text) => /^[=+\-@\t\r\n]/.test(text);
const nameCell = (name) => (startsFormula(name) ? `./${name}` : name);
const cell = (text) => (startsFormula(text) ? `'${text}` : text);
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const line = (cells) => `${cells.map(quoted).join(',')}\n`;

// Rows are {name, problem, predictions}.
export function csvOf(rows) {
  const count = Math.max(...rows.map((row) => row.predictions.length));
  const places = Array.from({ length: count }, (_, place) => place + 1);
  const heading = places.flatMap((place) => [`class_${place}`, `probability_${place}`]);
  const lines = rows.map(({ name, problem, predictions }) => {
    const cells = places.flatMap((place) => {
      const { label = '', probability } = predictions[place - 1] ?? {};
      return [cell(label), probability === undefined ? '' : String(Number(probability.toPrecision(7)))];
    });
    return line([nameCell(name), problem, ...cells]);
  });
  return line(['file', 'error', ...heading]) + lines.join('');
}
