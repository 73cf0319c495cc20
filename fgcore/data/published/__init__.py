"""Data sets as their authors and mirrors publish them: CUB-200-2011, Stanford Cars and FGVC-Aircraft."""
