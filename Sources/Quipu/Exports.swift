// A Swift program says `import Quipu` and has the values it logs: JSON, arrays, tables, histograms.
@_exported import QuipuBase
@_exported import QuipuMedia
