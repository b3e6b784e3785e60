# Draws `input`, made by scripts/benchmark_table.awk, to `output`: libtorch's, oneDNN's and the floor's time over xgrad's.
set terminal pngcairo size 1200, 620 font "DejaVu Sans,10"
set output output
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.85 noborder
set logscale y
set yrange [0.1:*]
set grid ytics linecolor "#dddddd"
set xtics rotate by -40 nomirror
set ylabel "time over xgrad's (more than 1: xgrad is faster)"
set key top right
set arrow from graph 0, first 1 to graph 1, first 1 nohead linewidth 1.5 linecolor "#444444"
plot input using 2:xtic(1) title "libtorch" linecolor "#d95f02", \
     input using 3 title "oneDNN" linecolor "#1b9e77", \
     input using 4 title "floor" linecolor "#7570b3"
