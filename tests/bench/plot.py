# SPDX-License-Identifier: Apache-2.0
"""SVG without a library: strips of points, lines, and bars over time."""

from html import escape

COLOURS = {"rt": "#0b6e4f", "floor": "#7a7a7a", "crun": "#c8553d", "runc": "#3d5a98",
           "true": "#b0a060", "host": "#0b6e4f", "init": "#c8553d", "middle": "#3d5a98",
           "parent": "#0b6e4f", "child": "#c8553d", "list": "#3d5a98", "create": "#0b6e4f"}
WIDTH, LEFT, RIGHT, TOP = 860, 190, 30, 40


class Svg:
    def __init__(self, title, height):
        self.height = height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            f'<text x="10" y="20" font-size="14" font-weight="bold">{escape(title)}</text>']

    def text(self, x, y, text, anchor="start", colour="#222", size=12):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
                          f'font-size="{size}" fill="{colour}">{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, colour="#ddd", width=1):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'stroke="{colour}" stroke-width="{width}"/>')

    def dot(self, x, y, colour, radius=2.2):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}" '
                          'fill-opacity="0.45"/>')

    def bar(self, x, y, width, height, colour, title):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" '
                          f'height="{height}" fill="{colour}"><title>{escape(title)}</title>'
                          '</rect>')

    def save(self, path):
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(self.parts) + "\n</svg>\n")
        return path


def steps(top):
    """A round distance of about eight marks."""
    size = 1e-6
    while True:
        for factor in (1, 2, 5):
            if top / (size * factor) <= 8:
                return size * factor
        size *= 10


def x_axis(svg, top, unit, y1, y2):
    distance = steps(top)
    scale = (WIDTH - LEFT - RIGHT) / top
    i = 0
    while i * distance <= top:
        x = LEFT + i * distance * scale
        svg.line(x, y1, x, y2)
        svg.text(x, y2 + 15, f"{i * distance:g}", "middle", "#666", 11)
        i += 1
    svg.text(WIDTH - RIGHT, y2 + 29, unit, "end", "#666", 11)
    return scale


def strips(path, title, groups, unit="ms"):
    """groups: {label: [values]}. Each value a point, the median a line; what is beyond three
    medians of the slowest is left out, as a count."""
    height = TOP + 38 * len(groups) + 40
    svg = Svg(title, height)
    middle = {k: sorted(v)[len(v) // 2] for k, v in groups.items() if v}
    top = max(middle.values()) * 1.6
    scale = x_axis(svg, top, unit, TOP - 8, height - 40)
    for i, (label, values) in enumerate(groups.items()):
        y = TOP + 38 * i + 12
        colour = COLOURS.get(label.split()[-1], "#0b6e4f")
        svg.text(LEFT - 10, y + 4, label, "end")
        for j, value in enumerate(values):
            if value <= top:
                svg.dot(LEFT + value * scale, y - 8 + (j * 7) % 17, colour)
        beyond = sum(v > top for v in values)
        x = LEFT + middle[label] * scale
        svg.line(x, y - 13, x, y + 13, colour, 2.5)
        svg.text(x + 5, y - 8, f"{middle[label]:.2f}", "start", colour, 11)
        if beyond:
            svg.text(WIDTH - RIGHT, y + 4, f"{beyond} beyond", "end", "#666", 10)
    return svg.save(path)


def lines(path, title, series, x_label, y_label):
    """series: {name: [(x, y)]}; the axis of y ends at what nine of ten are below, times 1.5."""
    height = 420
    svg = Svg(title, height)
    every = sorted(y for points in series.values() for _, y in points)
    top = every[int(len(every) * 0.98)] * 1.25 if every else 1
    right = max((x for points in series.values() for x, _ in points), default=1) or 1
    bottom = height - 60
    scale_y = (bottom - TOP) / top
    scale_x = x_axis(svg, right, x_label, TOP, bottom)
    distance = steps(top)
    for i in range(int(top / distance) + 1):
        y = bottom - i * distance * scale_y
        svg.line(LEFT, y, WIDTH - RIGHT, y)
        svg.text(LEFT - 8, y + 4, f"{i * distance:g}", "end", "#666", 11)
    svg.text(LEFT - 8, TOP - 14, y_label, "end", "#666", 11)
    for i, (name, points) in enumerate(series.items()):
        colour = COLOURS.get(name.split()[0], "#444")
        for x, y in points:
            if y <= top:
                svg.dot(LEFT + x * scale_x, bottom - y * scale_y, colour, 1.6)
        svg.text(20, TOP + 20 + 18 * i, name, "start", colour)
    return svg.save(path)


def timeline(path, title, rows, unit="µs"):
    """rows: [(label, role, begin, duration)] from top to bottom, as a walk."""
    height = TOP + 15 * len(rows) + 40
    svg = Svg(title, height)
    top = max((b + d for _, _, b, d in rows), default=1) * 1.02
    scale = x_axis(svg, top, unit, TOP - 8, height - 40)
    for i, (label, role, begin, duration) in enumerate(rows):
        y = TOP + 15 * i
        svg.text(LEFT - 8, y + 8, f"{role} {label}", "end", "#333", 10)
        svg.bar(LEFT + begin * scale, y, duration * scale, 10, COLOURS.get(role, "#444"),
                f"{label}: {duration:.1f} {unit}")
        svg.text(LEFT + (begin + duration) * scale + 4, y + 9, f"{duration:.0f}", "start", "#666",
                 9)
    return svg.save(path)
