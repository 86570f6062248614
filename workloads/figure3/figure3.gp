# gnuplot -d figure3.gp > figure3.svg
# What stuck cells and variation leave of ResNet-20 on CIFAR-10; the data are the points.csv of the
# jobs of the same names.
set terminal svg size 1080,470 noenhanced font 'sans,13' linewidth 1.3 background '#ffffff'
set encoding utf8
set datafile separator ','
set grid back linecolor rgb '#d8d8d8' dashtype 1 linewidth 0.5
set bars 0.6
set yrange [0:100]
set multiplot layout 1,3 margins 0.07,0.99,0.32,0.93 spacing 0.045
percent = 100
do for [x in "sa0 sa1 sigma"] {
  scale = x eq 'sigma' ? 1 : 100
  set xlabel (x eq 'sa0' ? 'cells stuck at low resistance, SA0 (%)' : \
              x eq 'sa1' ? 'cells stuck at high resistance, SA1 (%)' : 'variation, sigma')
  if (x eq 'sa0') { set ylabel 'accuracy (%), mean and 95 % interval' } else { unset ylabel }
  if (x eq 'sa1') { set key at graph 0.5,-0.23 center top maxrows 3 samplen 3 } else { unset key }
  plot 'figure3-'.x.'.csv' using ($1*scale):(100*$3):(100*$5) with yerrorlines \
         dashtype 1 pointtype 7 pointsize 0.6 linecolor rgb '#000000' title 'binary, chip hawis', \
       'hawis-figure3-'.x.'.csv' using ($1*scale):(100*$3):(100*$5) with yerrorlines \
         dashtype 2 pointtype 6 pointsize 0.6 linecolor rgb '#0072b2' title "binary, authors' test", \
       'figure3-int8-'.x.'.csv' using ($1*scale):(100*$3):(100*$5) with yerrorlines \
         dashtype 4 pointtype 5 pointsize 0.6 linecolor rgb '#d55e00' title '8 bits, a scale per channel, chip hawis', \
       'figure3-int8-layer-'.x.'.csv' using ($1*scale):(100*$3):(100*$5) with yerrorlines \
         dashtype 5 pointtype 9 pointsize 0.6 linecolor rgb '#009e73' title '8 bits, a scale per layer, chip hawis', \
       'hawis-figure3-int8-'.x.'.csv' using ($1*scale):(100*$3):(100*$5) with yerrorlines \
         dashtype 3 pointtype 4 pointsize 0.6 linecolor rgb '#8a8a8a' title "8 bits, a scale per layer, authors' test"
}
unset multiplot
