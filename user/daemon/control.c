/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"
#include "control_job.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 32 /* at once */
#define PATIENCE_MS 30000
#define BACKLOG 16

/*
 * A client's life. READING: its line is awaited. WORKING: the monitor is. ANSWERING: it takes the
 * answer. Then READING again, or CLOSING. Reading is on in READING alone, so that one that floods
 * is held back by its own socket.
 */
enum client_state { CLIENT_READING, CLIENT_WORKING, CLIENT_ANSWERING, CLIENT_CLOSING };

struct client {
	struct client *next;
	struct control *control;
	enum client_state state;
	unsigned handles; /* not closed yet: pipe, timer */
	bool last;	  /* hang up after this answer */
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	char *answer;
	struct control_job job;
	size_t len;
	char line[CTL_LINE_MAX];
};

struct control {
	uv_pipe_t listener;
	struct control_context context;
	struct client *clients;
	unsigned count;
	struct client *spare; /* for the next one: libuv stops listening until one is accepted, so
				 there must be room before it calls */
	bool waiting;	      /* one was not accepted for want of it */
	bool closing, listener_closed;
};

static void read_on(struct client *client);
static void on_client(uv_stream_t *listener, int status);

static void control_free_when_done(struct control *c)
{
	if (!c->closing || !c->listener_closed || c->count)
		return;
	free(c->spare);
	free(c);
}

/* The loop calls this outside of every other callback: here alone clients are freed. */
static void on_client_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;
	struct control *c = client->control;

	if (--client->handles)
		return;
	for (struct client **at = &c->clients; *at; at = &(*at)->next) {
		if (*at == client) {
			*at = client->next;
			break;
		}
	}
	c->count--;
	free(client->answer);
	if (c->spare) {
		free(client);
	} else {
		c->spare = memset(client, 0, sizeof(*client));
		if (c->waiting && !c->closing)
			on_client((uv_stream_t *)&c->listener, 0);
	}
	control_free_when_done(c);
}

static void client_close(struct client *client)
{
	if (client->state == CLIENT_CLOSING)
		return;
	client->state = CLIENT_CLOSING;
	control_job_cancel(&client->job);
	uv_close((uv_handle_t *)&client->pipe, on_client_closed);
	uv_close((uv_handle_t *)&client->timer, on_client_closed);
}

static void on_patience_over(uv_timer_t *timer)
{
	client_close(timer->data);
}

static void on_written(uv_write_t *write, int status)
{
	struct client *client = write->data;

	free(client->answer);
	client->answer = NULL;
	if (client->state == CLIENT_CLOSING)
		return;
	if (status < 0 || client->last)
		client_close(client);
	else
		read_on(client);
}

/* Takes the reference. */
static void client_answer(struct client *client, json_t *answer)
{
	static const char fallback[] = "{\"ok\":false,\"error\":\"awsmaskd cannot put its answer "
				       "into JSON: memory is out, "
				       "or a name is no UTF-8\"}";
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	uv_buf_t line[2];

	json_decref(answer);
	client->answer = text;
	client->state = CLIENT_ANSWERING;
	line[0] = text ? uv_buf_init(text, (unsigned)strlen(text))
		       : uv_buf_init((char *)fallback, sizeof(fallback) - 1);
	line[1] = uv_buf_init("\n", 1);
	client->write.data = client;
	if (uv_write(&client->write, (uv_stream_t *)&client->pipe, line, 2, on_written) < 0)
		client_close(client);
}

static void on_job_done(void *owner)
{
	struct client *client = owner;

	client_answer(client, client->job.answer);
}

/* Take the first line that is there, if one is. */
static bool client_take_line(struct client *client)
{
	char *end = memchr(client->line, '\n', client->len);
	size_t used;

	if (!end)
		return false;
	used = (size_t)(end - client->line) + 1;
	uv_read_stop((uv_stream_t *)&client->pipe);
	client->state = CLIENT_WORKING;
	control_job_begin(&client->job, client->line, used - 1);
	client->len -= used;
	memmove(client->line, end + 1, client->len);
	if (client->job.phase == JOB_DONE)
		client_answer(client, client->job.answer);
	return true;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct client *client = handle->data;

	(void)suggested;
	*buf = uv_buf_init(client->line + client->len,
			   (unsigned)(sizeof(client->line) - client->len));
}

static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *client = stream->data;

	(void)buf;
	if (n < 0) {
		client_close(client);
		return;
	}
	client->len += (size_t)n;
	if (client_take_line(client) || client->len < sizeof(client->line))
		return;
	uv_read_stop(stream);
	client->last = true;
	client_answer(client, control_refusal("a request is longer than %d bytes", CTL_LINE_MAX));
}

static void read_on(struct client *client)
{
	client->state = CLIENT_READING;
	uv_timer_start(&client->timer, on_patience_over, client->control->context.patience_ms, 0);
	if (client_take_line(client))
		return;
	if (uv_read_start((uv_stream_t *)&client->pipe, on_room, on_bytes) < 0)
		client_close(client);
}

static void on_client(uv_stream_t *listener, int status)
{
	struct control *c = listener->data;
	struct client *client = c->spare;

	if (status < 0)
		return; /* out of descriptors: libuv has closed it */
	c->waiting = !client;
	if (!client)
		return;
	c->spare = calloc(1, sizeof(*c->spare));
	client->control = c;
	client->job = (struct control_job){
		.context = &c->context, .connection = -1, .done = on_job_done, .owner = client};
	client->pipe.data = client->timer.data = client;
	uv_pipe_init(listener->loop, &client->pipe, 0);
	uv_timer_init(listener->loop, &client->timer);
	client->handles = 2;
	client->next = c->clients;
	c->clients = client;
	c->count++;
	if (uv_accept(listener, (uv_stream_t *)&client->pipe) < 0 ||
	    uv_fileno((uv_handle_t *)&client->pipe, &client->job.connection) < 0) {
		client_close(client);
	} else if (c->count > CLIENTS_MAX) {
		client->last = true;
		uv_timer_start(&client->timer, on_patience_over, c->context.patience_ms, 0);
		client_answer(client,
			      control_refusal("%d others are asking: try again", CLIENTS_MAX));
	} else {
		read_on(client);
	}
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct control *c = handle->data;

	c->listener_closed = true;
	control_free_when_done(c);
}

struct control *control_new(uv_loop_t *loop, int fd, const struct control_context *context)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c || !(c->spare = calloc(1, sizeof(*c->spare)))) {
		free(c);
		close(fd);
		return NULL;
	}
	c->context = *context;
	if (!c->context.patience_ms)
		c->context.patience_ms = PATIENCE_MS;
	c->listener.data = c;
	uv_pipe_init(loop, &c->listener, 0);
	if (uv_pipe_open(&c->listener, fd) < 0)
		close(fd);
	else if (uv_listen((uv_stream_t *)&c->listener, BACKLOG, on_client) == 0)
		return c;
	control_close(c);
	return NULL;
}

void control_drain(struct control *c)
{
	if (!uv_is_closing((uv_handle_t *)&c->listener))
		uv_close((uv_handle_t *)&c->listener, on_listener_closed);
}

void control_close(struct control *c)
{
	if (!c)
		return;
	c->closing = true;
	control_drain(c);
	for (struct client *client = c->clients; client; client = client->next)
		client_close(client);
	control_free_when_done(c);
}
