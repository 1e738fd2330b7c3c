/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `awsmaskctl top` on a terminal. Signals are read like keys (signalfd), so nothing happens in the middle of
 * something else, and whatever ends this, the terminal is as it was.
 */
#include "top.h"
#include "top_terminal.h"

#include <errno.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define VAIN_MAX 100

struct screen {
	struct top *top;
	struct asker *asker;
	SCREEN *terminal;
	struct termios before; /* as the terminal was */
	size_t at;	       /* the first line that is shown behind the head */
	size_t shown, lines;   /* lines that fit behind the head, that there are */
	unsigned vain;	       /* times that keys were to be read and none was there */
	bool help, typing, over;
	char typed[sizeof(((struct top *)NULL)->filter)];
};

/* ---- drawing */

static const short tone_colours[] = {
	[TONE_PLAIN] = -1,	    [TONE_HEAD] = -1,	    [TONE_GOOD] = COLOR_GREEN,
	[TONE_WARN] = COLOR_YELLOW, [TONE_BAD] = COLOR_RED, [TONE_FAINT] = -1,
};

static attr_t attributes(enum tone tone)
{
	attr_t a = tone == TONE_HEAD || tone == TONE_BAD ? A_BOLD
		   : tone == TONE_FAINT			 ? A_DIM
							 : A_NORMAL;

	if (has_colors() && colour_on(stdout) && tone_colours[tone] >= 0)
		a |= (attr_t)COLOR_PAIR(tone + 1);
	return a;
}

static void put(int row, enum tone tone, const char *text)
{
	if (row < 0 || row >= LINES)
		return;
	move(row, 0);
	clrtoeol();
	attrset(attributes(tone));
	addnstr(text, (int)text_cut(text, COLS));
	attrset(A_NORMAL);
}

static void draw_bottom(const struct screen *s)
{
	const struct top *t = s->top;
	char line[512] = "";
	size_t len;

	if (s->typing) {
		snprintf(line, sizeof(line), "show lines with: %s", harmless(s->typed));
		put(LINES - 1, TONE_HEAD, line);
		curs_set(1);
		return;
	}
	curs_set(0);
	for (int i = 0; i < TOP_VIEW_COUNT; i++) {
		len = strlen(line);
		snprintf(line + len, sizeof(line) - len,
			 t->view == (enum top_view)i ? "[%d %s] " : " %d %s  ", i + 1,
			 top_view_word((enum top_view)i));
	}
	len = strlen(line);
	snprintf(line + len, sizeof(line) - len, "%sby %s%s%s  q quit  ? help",
		 t->paused ? "PAUSED  " : "", top_sort_word(t->sort), *t->filter ? "  /" : "",
		 harmless(t->filter));
	put(LINES - 1, TONE_HEAD, line);
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"q            quit",
		"1 2 3 4      flows, types, enrolments, latency; tab: the next one",
		"s            sort flows by another column",
		"/            show only lines that hold what is typed next, up to enter",
		"p            pause, and go on",
		"space        look again now",
		"arrows       up and down; also page up, page down, home, end",
		"?            this",
		"",
		"Rates and \"within\" are of the time since the look before. A target is",
		"\"other\" where its name is not for others to see; * is only observed.",
		"Press any key.",
	};

	erase();
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		put((int)i, i < 8 ? TONE_PLAIN : TONE_FAINT, lines[i]);
}

/* From the lines behind the head those that fit, wherever one has moved to. */
static void draw_sheet(struct screen *s, const struct sheet *sheet)
{
	size_t rows = LINES > 1 ? (size_t)LINES - 1 : 0;
	size_t head = sheet->head < rows ? sheet->head : rows;

	s->lines = sheet->count - sheet->head;
	s->shown = rows - head;
	if (s->at + s->shown > s->lines)
		s->at = s->lines > s->shown ? s->lines - s->shown : 0;
	for (size_t i = 0; i < head; i++)
		put((int)i, sheet->lines[i].tone, sheet->lines[i].text);
	for (size_t i = 0; i < s->shown && s->at + i < s->lines; i++) {
		const struct sheet_line *l = &sheet->lines[sheet->head + s->at + i];

		put((int)(head + i), l->tone, l->text);
	}
}

static void draw(struct screen *s)
{
	struct sheet sheet = {.count = 0};

	if (s->help) {
		draw_help();
		refresh();
		return;
	}
	erase();
	top_show(&sheet, s->top, COLS);
	if (!s->top->now.status && !*s->top->absent)
		sheet_add(&sheet, TONE_FAINT, "asking awsmaskd...");
	draw_sheet(s, &sheet);
	sheet_clear(&sheet);
	draw_bottom(s);
	refresh();
}

/* ---- keys */

static void type(struct screen *s, int key)
{
	size_t len = strlen(s->typed);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		snprintf(s->top->filter, sizeof(s->top->filter), "%s", s->typed);
		s->typing = false;
	} else if (key == 27) {
		s->typing = false;
	} else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		while (len && ((unsigned char)s->typed[--len] & 0xc0) == 0x80)
			;
		s->typed[len] = '\0';
	} else if (key >= ' ' && key < 256 && len + 1 < sizeof(s->typed)) {
		s->typed[len] = (char)key;
		s->typed[len + 1] = '\0';
	}
}

static void move_to(struct screen *s, int key)
{
	size_t page = s->shown ? s->shown : 1;
	size_t step = key == KEY_NPAGE || key == KEY_PPAGE ? page : 1;

	if (key == KEY_HOME)
		s->at = 0;
	else if (key == KEY_END)
		s->at = s->lines;
	else if (key == KEY_UP || key == KEY_PPAGE)
		s->at = s->at > step ? s->at - step : 0;
	else if (key == KEY_DOWN || key == KEY_NPAGE)
		s->at += step; /* draw_sheet() stops at the end */
}

static void press(struct screen *s, int key)
{
	struct top *t = s->top;

	if (s->typing) {
		type(s, key);
	} else if (s->help) {
		s->help = false;
	} else if (key == 'q') {
		s->over = true;
	} else if (key >= '1' && key < '1' + TOP_VIEW_COUNT) {
		t->view = (enum top_view)(key - '1');
		s->at = 0;
	} else if (key == '\t') {
		t->view = (enum top_view)((t->view + 1) % TOP_VIEW_COUNT);
		s->at = 0;
	} else if (key == 's') {
		t->sort = (enum top_sort)((t->sort + 1) % TOP_SORT_COUNT);
	} else if (key == 'p') {
		t->paused = !t->paused;
	} else if (key == '/') {
		s->typing = true;
		s->typed[0] = '\0';
	} else if (key == '?' || key == 'h') {
		s->help = true;
	} else if (key == ' ') {
		asker_hurry(s->asker);
	} else {
		move_to(s, key);
	}
}

/* A terminal that has gone is always readable, and nothing is ever read. */
static void read_keys(struct screen *s, bool readable)
{
	bool any = false;

	for (int key; !s->over && (key = getch()) != ERR; any = true)
		press(s, key);
	s->vain = readable && !any ? s->vain + 1 : 0;
	s->over |= s->vain > VAIN_MAX;
}

/* ---- signals and the daemon */

static void resize(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row && w.ws_col)
		resizeterm(w.ws_row, w.ws_col);
}

/* The shell gets its terminal, and we get it back. */
static void suspend(void)
{
	endwin();
	raise(SIGSTOP);
	resize();
	refresh();
}

/* Who stopped us otherwise has had the terminal, too. */
static void take_back(void)
{
	reset_prog_mode();
	clearok(curscr, true);
}

static void on_signal(struct screen *s, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		resize();
	else if (info.ssi_signo == SIGTSTP)
		suspend();
	else if (info.ssi_signo == SIGCONT)
		take_back();
	else
		s->over = true;
}

static void on_answer(struct screen *s)
{
	struct top *t = s->top;
	struct snapshot got;
	struct err why;

	if (!asker_take(s->asker, &got, &why))
		return;
	if (t->paused) {
		snapshot_free(&got);
		return;
	}
	snprintf(t->absent, sizeof(t->absent), "%s", got.status ? "" : why.text);
	if (!got.status)
		return;
	snapshot_free(&t->before);
	t->before = t->now;
	t->now = got;
	snapshot_compare(&t->now, &t->before);
}

static int signals_begin(sigset_t *before)
{
	static const int taken[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- the whole */

static int screen_begin(struct screen *s)
{
	if (tcgetattr(STDIN_FILENO, &s->before) < 0)
		return -1;
	s->terminal = newterm(NULL, stdout, stdin);
	if (!s->terminal || !terminal_has("cup"))
		return -1;
	set_escdelay(25);
	cbreak();
	noecho();
	keypad(stdscr, true);
	nodelay(stdscr, true);
	curs_set(0);
	if (has_colors() && colour_on(stdout)) {
		start_color();
		use_default_colors();
		for (short i = 0; i < (short)(sizeof(tone_colours) / sizeof(*tone_colours)); i++)
			init_pair((short)(i + 1), tone_colours[i], -1);
	}
	return 0;
}

static void screen_end(struct screen *s)
{
	if (!s->terminal)
		return;
	endwin();
	delscreen(s->terminal);
	s->terminal = NULL;
	tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
}

static void run(struct screen *s, int signals, int answers)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = signals, .events = POLLIN},
			       {.fd = answers, .events = POLLIN}};

	while (!s->over) {
		draw(s);
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			break;
		if (fds[1].revents)
			on_signal(s, signals);
		if (fds[2].revents)
			on_answer(s);
		read_keys(s, fds[0].revents & POLLIN);
	}
}

int top_screen(struct ctl *c, struct top *t, double delay)
{
	struct screen s = {.top = t};
	int signals, answers = -1, status = STATUS_REFUSED;
	sigset_t before;
	struct err e;

	signals = signals_begin(&before);
	s.asker = asker_new(c, delay, &answers, &e);
	if (!s.asker) {
		ctl_refuse(c, &e);
	} else if (signals < 0 || screen_begin(&s) < 0) {
		screen_end(&s);
		ctl_note("this terminal (TERM is '%s') cannot show it: give --once, or --batch "
			 "COUNT",
			 getenv("TERM") ? getenv("TERM") : "");
	} else {
		run(&s, signals, answers);
		status = STATUS_DONE;
	}
	screen_end(&s);
	if (s.asker)
		asker_leave(s.asker);
	if (signals >= 0)
		close(signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
