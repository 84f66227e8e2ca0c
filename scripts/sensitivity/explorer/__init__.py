"""One page to explore a finished study: results/<study>/explore.html, whole in one file.

In: models.csv, networks.csv and claims.csv as tables, figures as PNG. Out: HTML as text, which
needs no network. The numbers are packed here (`columns`), the claims and figures become plain HTML
(`sections`), `assembly` joins them with the style and the scripts in `page/`. Never imports torch.
"""
