# SPDX-License-Identifier: Apache-2.0
"""Whether a wheel is whole: check_wheel.py SOURCE-FOLDER WHEEL

What package indices and installers demand: names and tags, metadata with licence and description,
files that are listed with their digests, nothing that does not belong there.
"""

import base64
import csv
import email
import hashlib
import io
import pathlib
import re
import sys
import tomllib
import unittest
import zipfile

SOURCE, WHEEL = (pathlib.Path(name) for name in sys.argv[1:])
PROJECT = tomllib.loads((SOURCE / 'pyproject.toml').read_text(encoding='utf-8'))['project']
HEADER = SOURCE / 'subprojects/libtrustbuild/include/trustbuild/version.h'
VERSION = re.findall(r'TRB_VERSION_STRING "(.*)"', HEADER.read_text(encoding='utf-8'))[0]
INFO = f'{PROJECT["name"]}-{VERSION}.dist-info'
# Names that PyPI knows; those that are not there are typing mistakes.
TOPICS = ('Development Status :: ', 'Framework :: ', 'Intended Audience :: ',
          'Operating System :: ', 'Programming Language :: ', 'Topic :: ', 'Typing :: ')


class Wheel(unittest.TestCase):
    def setUp(self) -> None:
        self.zip = zipfile.ZipFile(WHEEL)
        self.addCleanup(self.zip.close)

    def read(self, name: str) -> str:
        return self.zip.read(f'{INFO}/{name}').decode()

    def test_tags(self) -> None:
        self.assertRegex(WHEEL.name, r'^trustbuild-[0-9.]+-cp3[0-9]+-abi3-linux_[a-z0-9_]+\.whl$')
        wheel = email.message_from_string(self.read('WHEEL'))
        self.assertEqual(f'trustbuild-{VERSION}-{wheel["Tag"]}.whl', WHEEL.name)
        self.assertEqual(wheel['Root-Is-Purelib'], 'false')

    def test_record(self) -> None:
        rows = list(csv.reader(io.StringIO(self.read('RECORD'))))
        self.assertEqual(sorted(row[0] for row in rows), sorted(
            name for name in self.zip.namelist() if not name.endswith('/')))
        for name, digest, size in rows:
            if name == f'{INFO}/RECORD':
                continue
            data = self.zip.read(name)
            sha256 = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')
            self.assertEqual((digest, int(size)), (f'sha256={sha256}', len(data)), name)

    def test_files(self) -> None:
        names = {name for name in self.zip.namelist() if not name.endswith('/')}
        package = {name for name in names if name.startswith('trustbuild/')}
        self.assertEqual({name.split('/')[0] for name in names - package}, {INFO})
        sources = {f'trustbuild/{path.name}' for path in (SOURCE / 'trustbuild').iterdir()
                   if path.suffix in ('.py', '.pyi', '.typed')}
        self.assertIn('trustbuild/py.typed', sources)
        native = {'trustbuild/_native.abi3.so'}
        self.assertEqual({name for name in package if 'libexec' not in name}, sources | native)
        programs = {name for name in package if name.startswith('trustbuild/libexec/')}
        for name in programs:
            self.assertTrue(self.zip.getinfo(name).external_attr >> 16 & 0o111, name)
        self.assertIn(bool(programs), (False, 'trustbuild/libexec/tb-launch' in programs))

    def test_metadata(self) -> None:
        metadata = email.message_from_string(self.read('METADATA'))
        self.assertEqual(metadata['Name'], 'trustbuild')
        self.assertEqual(metadata['Version'], VERSION)
        self.assertGreaterEqual(tuple(map(int, metadata['Metadata-Version'].split('.'))), (2, 4))
        self.assertLess(len(metadata['Summary']), 120)
        self.assertEqual(metadata['Requires-Python'], '>=3.9')
        self.assertEqual([r for r in metadata.get_all('Requires-Dist') if 'extra' not in r],
                         ['cffi>=1.15'])
        self.assertTrue(metadata['Keywords'])
        self.assertTrue(all(name.startswith(TOPICS) for name in metadata.get_all('Classifier')))
        self.assertNotIn('License ::', ' '.join(metadata.get_all('Classifier')))
        self.assertTrue(all(re.fullmatch(r'[A-Z][a-z]+, https://\S+', url)
                            for url in metadata.get_all('Project-URL')))

    def test_licence(self) -> None:
        metadata = email.message_from_string(self.read('METADATA'))
        self.assertEqual(metadata['License-Expression'], 'Apache-2.0')
        self.assertEqual(metadata.get_all('License-File'), ['LICENSE'])
        licence = self.read('licenses/LICENSE')
        self.assertEqual(licence, (SOURCE / '../../LICENSE').read_text(encoding='utf-8'))

    def test_description(self) -> None:
        metadata = email.message_from_string(self.read('METADATA'))
        self.assertEqual(metadata['Description-Content-Type'], 'text/markdown')
        description = metadata.get_payload()
        self.assertEqual(description.strip(), (SOURCE / 'README.md').read_text('utf-8').strip())
        # An index shows it without the rest of the tree.
        links = re.findall(r'\]\(([^)]*)\)', description)
        self.assertEqual([link for link in links if not link.startswith('https://')], [])

    def test_version(self) -> None:
        text = self.zip.read('trustbuild/__init__.py').decode()
        self.assertIn('__version__ = version()', text)
        self.assertNotIn('version', PROJECT)  # typed in the header alone


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
