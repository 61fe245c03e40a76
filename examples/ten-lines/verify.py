# SPDX-License-Identifier: Apache-2.0
# python3 verify.py ARTIFACT BUNDLE POLICY
import sys
import trustbuild

try:
    claims = trustbuild.verify(sys.argv[1], bundle=sys.argv[2], policy=sys.argv[3])
except trustbuild.Refused as why:
    sys.exit(f'refused: {why}')
print(f'{claims.artifact} is built from {claims.repository} at {claims.commit}')
