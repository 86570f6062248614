#!/usr/bin/env python3
"""Writes models/chips/charging.md: what the two charging policies say of HAWIS's nets.

Usage: tools/charging.py build/tools/bitline > models/chips/charging.md
"""
import json
import os
import subprocess
import sys
import tempfile

R20 = {
    'U-1x': '1x', 'U-2x': '2x', 'U-3x': '3x', 'U-4x': '4x', 'U-5x': '5x', 'U-6x': '6x',
    'HAWIS-A': '64,80,80,80,80,80,80,112,112,112,112,112,112,216,216,216,216,208,216',
    'HAWIS-B': '84,84,84,84,84,80,84,168,168,192,224,188,224,284,284,256,248,224,224'}
R32 = {
    'U-1x': '1x', 'U-2x': '2x', 'U-3x': '3x', 'U-4x': '4x', 'U-5x': '5x', 'U-6x': '6x',
    'HAWIS-A': '80,80,80,80,80,80,80,56,72,56,72,168,168,136,152,128,160,128,168,156,168,224,224,'
               '220,196,168,196,164,192,224,168',
    'HAWIS-B': '80,80,80,80,80,80,80,56,72,56,72,168,168,136,152,128,160,128,168,156,168,256,256,'
               '224,256,296,224,196,224,168,224'}
R18 = {
    'U-1x': '1x', 'U-2x': '2x', 'U-3x': '3x', 'U-4x': '4x', 'U-5x': '5x',
    'HAWIS-A': '256,256,256,256,256,448,448,448,448,896,896,896,896,1344,1344,1344,1344',
    'HAWIS-B': '256,256,256,320,320,504,504,560,504,1064,1152,1064,1152,1792,1788,1788,1780'}
# The paper's Table II, uJ; and MNSIM 2.0's own latency in setting C1, us.
PAPER = {
    'resnet20': [32.7, 120, 238, 503, 924, 1176, 368, 849],
    'resnet32': [50.6, 195, 393, 893, 1571, 1984, 949, 1045],
    'resnet18': [3800, 8200, 15000, 25100, 43500, 21300, 29400]}
LATENCY = {
    'resnet20': [583.0895, 1014.4421, 1443.3787, 1894.7470, 2279.4667, 2994.0188, 2076.3126,
                 2451.0667],
    'resnet32': [702.6412, 1264.3511, 1826.9250, 2451.9898, 2946.3387, 3810.2012, 2762.4751,
                 2833.4255]}
CLIFFS = [84, 112, 113, 128, 129, 224]


def run(bitline, chip, net, *more):
    out = subprocess.run([bitline, 'run', chip, net, '--json', *more], check=True,
                         stdout=subprocess.PIPE)
    return json.loads(out.stdout)


def width(text):
    return ['--width', text] if text.endswith('x') else ['--widths', text]


def uj(joules):
    return '%.4g' % (joules * 1e6)


# Quan-8bit: the paper's uJ, and MNSIM's us in setting C1.
EIGHT_BIT = {'resnet20': (1387, 1875.0249), 'resnet32': (2349, 2355.8345)}


def eight_bit_row(bitline, net):
    form = ['--form', 'int8', '--set', 'net.head=flatten']
    paper, latency = EIGHT_BIT[net]
    mnsim = run(bitline, 'hawis', net, '--policy', 'mnsim', *form)['energy_j']
    exact = run(bitline, 'hawis', net, *form)
    windows = run(bitline, 'hawis', net, '--tokens', 'windows', '--noc', 'ideal',
                  *form)['latency_s'] * 1e6
    bare = exact['energy_without_leakage_j']
    print('| %s | 8-bit | %g | %s | %.3f | %s | %.2f | %s | %.1f | %.1f | %.3f |' % (
        net, paper, uj(mnsim), mnsim * 1e6 / paper, uj(bare), bare / mnsim,
        uj(exact['energy_j']), windows, latency, windows / latency))


def nets_table(bitline):
    print('| net | widths | paper, uJ | `mnsim`, uJ | of the paper | `exact`, uJ | of `mnsim` | '
          'with leakage, uJ | windows, us | MNSIM, us | ratio |')
    print('|---|---|---|---|---|---|---|---|---|---|---|')
    for net, widths in (('resnet20', R20), ('resnet32', R32), ('resnet18', R18)):
        if net in EIGHT_BIT:
            eight_bit_row(bitline, net)
        for i, (name, text) in enumerate(widths.items()):
            mnsim = run(bitline, 'hawis', net, '--policy', 'mnsim', *width(text))['energy_j']
            exact = run(bitline, 'hawis', net, *width(text))
            bare = exact['energy_without_leakage_j']
            times = ['', '', '']
            if net in LATENCY:
                windows = run(bitline, 'hawis', net, '--tokens', 'windows', '--noc', 'ideal',
                              *width(text))['latency_s'] * 1e6
                times = ['%.1f' % windows, '%.1f' % LATENCY[net][i],
                         '%.3f' % (windows / LATENCY[net][i])]
            print('| %s | %s | %g | %s | %.3f | %s | %.2f | %s | %s |' % (
                net, name, PAPER[net][i], uj(mnsim), mnsim * 1e6 / PAPER[net][i], uj(bare),
                bare / mnsim, uj(exact['energy_j']), ' | '.join(times)))


def one_layer(folder, c):
    path = os.path.join(folder, 'c%d.yaml' % c)
    with open(path, 'w') as f:
        f.write('name: c%d\ninput: {channels: %d, height: 16, width: 16, bits: 1}\nclasses: 10\n'
                'encoder: raw\ndefault_form: binary\nlayers:\n'
                '  - {name: conv, kind: conv, out: %d, kernel: 3, pad: 1}\n' % (c, c, c))
    return path


def cliffs_table(bitline):
    print('| channels | crossbars | tiles | `mnsim`, uJ | fJ/MAC | `exact`, uJ | fJ/MAC | '
          'of it ADC, uJ | area, mm2 |')
    print('|---|---|---|---|---|---|---|---|---|')
    with tempfile.TemporaryDirectory() as folder:
        for c in CLIFFS:
            path = one_layer(folder, c)
            mnsim = run(bitline, 'hawis', path, '--policy', 'mnsim')
            exact = run(bitline, 'hawis', path)
            bare, layer = exact['energy_without_leakage_j'], exact['layers'][0]
            print('| %d | %d | %d | %s | %.0f | %s | %.0f | %s | %.2f |' % (
                c, exact['crossbars'], exact['tiles'], uj(mnsim['energy_j']),
                mnsim['energy_j'] / mnsim['macs'] * 1e15, uj(bare), bare / exact['macs'] * 1e15,
                uj(layer['energy']['adc']), exact['area_m2'] * 1e6))


def readout_table(bitline):
    print('| chip | read-out | energy without leakage, uJ | of it read-out, uJ | latency, us | '
          'area, mm2 |')
    print('|---|---|---|---|---|---|')
    for chip, what in (('hawis', '128 ADCs of 8 bits per PE'),
                       ('hawis-sa', '256 sense amplifiers per PE')):
        r = run(bitline, chip, 'resnet20')
        adc = sum(layer['energy'].get('adc', 0) for layer in r['layers'])
        print('| %s | %s | %s | %s | %.1f | %.1f |' % (
            chip, what, uj(r['energy_without_leakage_j']), uj(adc), r['latency_s'] * 1e6,
            r['area_m2'] * 1e6))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    bitline = os.path.abspath(sys.argv[1])
    print('''# What is charged: MNSIM's rules and what the hardware does

Made by `tools/charging.py build/tools/bitline`. All on the chip `hawis`.

## HAWIS's nets

`mnsim` is MNSIM 2.0's charging (it reproduces the paper's Table II); `exact` is what the mapped hardware really switches:
used rows, used columns, one conversion per used column, one bit cycle for a binary input. Both without leakage, but for
the column that says so. The last three columns set windows on an ideal network (nobody waits on the way) beside MNSIM's own latency.
''')
    nets_table(bitline)
    print('''
The 8-bit rows are setting C1's (0.63 of the paper); the chip `hawis-q8` gives them within 1.2 %.

Why `exact` is about half of `mnsim` and less on the binary rows: MNSIM describes a binary net as 2-bit weights and 2-bit activations (a
1-bit weight gives it no crossbar at all), so every window takes two bit cycles instead of one, which doubles array, DAC,
ADC and buffer work; and it charges whole tiles, the largest block of a layer for every PE. On the other side MNSIM's fast estimate charges
half the conversions of layers of up to 128 columns, which is why the 8-bit rows cost more under `exact`. `exact` adds what
MNSIM leaves out: network, thresholds, residual adds with their 8-bit stream, the encoder, the off-chip link. Leakage is MNSIM's SRAM
leakage, which MNSIM itself charges only while a buffer is accessed: at these latencies it is as large as everything else
and far larger on ResNet-18, where the sums of the 7x7 stem's 20 row blocks queue for one 64-bit buffer port (the run names
it as the bottleneck) while every tile leaks. A design would widen that port, and gate or shrink those buffers.

Why the latency is a third to a sixth of MNSIM's: a window of a 16-channel layer takes MNSIM 4 x 15.25 ns of array and
conversion (two bit cycles, two groups of 128 rows) against 2 x 15.25 ns here; it writes sums of 8 bits and more into
the output buffer where thresholds here leave one bit (and 8 bits of residual stream); and it writes and reads its 2-bit
activations inside each window at 64 bits per 20 ns, where here a tile's inputs arrive through a port of their own while it
computes. The wider the net, the more these 20 ns words weigh in MNSIM (columns x PEs x 10 bits per window), so the ratio
falls from 0.33 at 1x to 0.18 at 6x. The 8-bit rows take 8 bit cycles against MNSIM's 9: 0.32.

## Which cliffs are hardware

One 3x3 layer on a 16x16 map, as many channels out as in:
''')
    cliffs_table(bitline)
    print('''
- 112 to 113 channels: the fifth row block needs a second tile. That the second tile is there is hardware (area doubles);
  that its four PEs are all charged at full height is bookkeeping: `exact` pays for one more row block of 9 rows, which
  needs one group of DACs where a full block needs two, so half a block's conversions.
- 128 to 129: MNSIM counts ceil(columns / 2) ADCs in each of ceil(columns / 128) rounds, so conversions double at one
  column more. `exact` converts 129 columns instead of 128. Bookkeeping; the second round's time is hardware.
- 84 to 112 and on to 224: row blocks of 28 channels are hardware under kernel-aligned mapping: each block converts all its
  columns once more. `--map dense` softens them: rows are packed, 256 to a crossbar instead of 252.

## ADCs or sense amplifiers

ResNet-20 U-1x:
''')
    readout_table(bitline)
    print('''
A sense amplifier decides one bit per crossbar and column. Where a layer spans several row blocks the blocks then vote, and
their sums are lost: what that costs in accuracy is not in this table.''')


if __name__ == '__main__':
    main()
