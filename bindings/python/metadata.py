# SPDX-License-Identifier: Apache-2.0
"""Writes NAME-VERSION.dist-info, as importlib.metadata reads it.

usage: metadata.py PYPROJECT.toml VERSION FOLDER

For distributions that install by Meson alone; in wheels, meson-python does it.
"""

import pathlib
import sys
import tomllib


def main() -> None:
    source, version, folder = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    project = tomllib.loads(source.read_text(encoding='utf-8'))['project']
    fields = [('Metadata-Version', '2.4'), ('Name', project['name']),
              ('Version', version), ('Summary', project['description']),
              ('Keywords', ','.join(project['keywords'])),
              ('License-Expression', project['license']),
              *(('Project-URL', f'{name}, {url}') for name, url in project.get('urls', {}).items()),
              *(('Classifier', name) for name in project['classifiers']),
              ('Requires-Python', project['requires-python']),
              *(('Requires-Dist', name) for name in project['dependencies'])]
    info = folder / f'{project["name"]}-{version}.dist-info'
    info.mkdir(parents=True, exist_ok=True)
    text = ''.join(f'{name}: {value}\n' for name, value in fields)
    (info / 'METADATA').write_text(text, encoding='utf-8')
    (info / 'INSTALLER').write_text('meson\n', encoding='utf-8')


if __name__ == '__main__':
    main()
