/*
 * theme.h - the colours of a picture, light and dark.
 *
 * After Okabe and Ito's set, which people see apart whatever their colour vision; lines differ in
 * their dashes too. Each has a contrast of 3:1 or more with the background.
 */
#ifndef PAGEMETER_CHART_THEME_H
#define PAGEMETER_CHART_THEME_H

#include "chart/picture.h"

enum theme_line {
    THEME_ALLOCATED,
    THEME_EXCLUDED,
    THEME_GUEST,
    THEME_LINES = THEME_GUEST + BALLOON_LINES
};

struct theme_stroke {
    unsigned rgb;
    double width;
    double dashes[4]; /* ended by 0 */
};

struct theme {
    unsigned background, text, faint_text, grid, axis, gap;
    struct theme_stroke strokes[THEME_LINES]; /* THEME_GUEST + balloon_line */
};

const struct theme *theme_of(enum picture_theme theme);

#endif
