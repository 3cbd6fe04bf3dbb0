"""What no file of the project says, spelled so that this file does not say it either."""

import re

UNSAID = re.compile(
    r"\bTO[D]O\b|\bFI[X]ME\b|\bXX[X]\b"  # plans
    r"|\bRE[Q][-_ ]?\d|\bissu[e] #?\d|\.\./share[d]\b"  # where it was asked for
    r"|(?<![\w.])/wor[k]/|(?<![\w.])/hom[e]/|(?<![\w.])/root/\."  # where it was written
)
