"""Import weights as the options say, and report what was decided."""

from weights import importing


def run(options, report=print):
    """Import a file, and compare it with its own network if requested; return an Imported."""
    if options.verify:
        # Late: it needs packages that an import does without.
        from weights.verification import verify

        verify.require(options.source, options.model_name)
    request = importing.Request.of(options)
    imported = importing.import_file(options.source, options.output, request)
    for line in imported.lines:
        report(line)
    state = 'written' if imported.is_new else 'already there'
    report(f'{state}: {imported.path} and model.json')
    if options.verify:
        report(verify.verify(options.source, imported))
    return imported
