/* What the second guest, CID 123, says to its host, CID 2. Built with gcc -static.
 *
 *   inner hello      send "Hello, world!" to port 9999 and read "welcome"
 *   inner count      read 150000 bytes from port 9998: a big-endian u32 counter from 0
 *   inner messages   read SEQPACKET messages of 5, 10000 and 70000 bytes from port 9997
 *   inner until-killed   listen on port 9994, send to port 9995 and read from 9996, all without end
 */
#include <linux/vm_sockets.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(unsigned port, int type)
{
	struct sockaddr_vm host = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port,
	};
	/* A fixed port, so that every capture has the same addresses. */
	struct sockaddr_vm own = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port + 10000,
	};
	int fd = socket(AF_VSOCK, type, 0);

	bind(fd, (struct sockaddr *)&own, sizeof(own));
	for (int i = 0; i < 20; i++) {
		if (connect(fd, (struct sockaddr *)&host, sizeof(host)) == 0)
			return fd;
		usleep(500000);
	}
	perror("connect");
	return -1;
}

static int hello(void)
{
	char answer[8] = "";
	int fd = dial(9999, SOCK_STREAM), got = 0, more = 1;

	if (send(fd, "Hello, world!", 13, 0) != 13)
		return 1;
	while (got < 7 && more > 0)
		got += more = recv(fd, answer + got, 7 - got, 0);
	close(fd);
	return strcmp(answer, "welcome") != 0;
}

/* Checked at the end: a read may stop inside a number. */
static int count(void)
{
	static uint8_t bytes[150000];
	int fd = dial(9998, SOCK_STREAM), got = 0, more = 1;

	while (got < (int)sizeof(bytes) && more > 0)
		got += more = recv(fd, bytes + got, sizeof(bytes) - got, 0);
	close(fd);
	for (int i = 0; i < 37500; i++) {
		uint8_t *b = bytes + 4 * i;

		if ((b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]) != i)
			return 1;
	}
	return got != (int)sizeof(bytes);
}

static int messages(void)
{
	static const int sizes[] = {5, 10000, 70000};
	static char message[100000];
	int fd = dial(9997, SOCK_SEQPACKET);

	for (int i = 0; i < 3; i++) {
		if (recv(fd, message, sizeof(message), 0) != sizes[i])
			return 1;
	}
	close(fd);
	return 0;
}

/* Sends 64 KiB every 20 ms: the host's program stops the machine in the middle of it. */
static void pour(void)
{
	static char piece[65536];
	int fd = dial(9995, SOCK_STREAM);

	while (send(fd, piece, sizeof(piece), 0) > 0)
		usleep(20000);
}

static void drain(void)
{
	static char piece[65536];
	int fd = dial(9996, SOCK_STREAM);

	while (recv(fd, piece, sizeof(piece), 0) > 0)
		;
}

static int until_killed(void)
{
	struct sockaddr_vm own = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = 9994,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) || listen(fd, 8))
		return 1;
	if (fork() == 0)
		pour();
	else
		drain();
	pause();
	return 1;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	int failed = !strcmp(mode, "hello") ? hello()
		: !strcmp(mode, "count") ? count()
		: !strcmp(mode, "messages") ? messages()
		: !strcmp(mode, "until-killed") ? until_killed() : 2;

	printf("inner %s: %s\n", mode, failed ? "FAILED" : "as expected");
	return failed;
}
