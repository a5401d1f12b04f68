/*
 * A firmware of 64 KiB that does nothing but set a processor to the registers that a virtual machine monitor would give
 * its boot CPU, and lets it go. Memory is filled already. The values come from the assembler's command line.
 *
 * It starts at the reset vector, in real mode, with the code segment based at 0xffff0000 (Intel SDM volume 3, 10.1.4).
 */
	.globl	_start
	.org	0
_start:
	.code16
enter:
	cli
	lgdtl	%cs:(flat_pointer - _start)
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	$8, $protected

	.code32
protected:
	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$CR4, %eax
	movl	%eax, %cr4
	movl	$CR3, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	xorl	%edx, %edx
	/* LMA is what the processor sets itself. */
	movl	$(EFER & ~0x400), %eax
	wrmsr
	movl	$CR0, %eax
	movl	%eax, %cr0
	lgdtl	guest_pointer
	ljmpl	$CS, $guest

guest:
#if EFER
	.code64
#endif
	movl	$DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss
	movl	$RSP, %esp
	movl	$RSI, %esi
	movl	$RBX, %ebx
	movl	$RIP, %eax
#if EFER
	jmp	*%rax
#else
	jmp	*%eax
#endif

	.align	8
flat:
	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
flat_pointer:
	.word	23
	.long	flat
guest_pointer:
	.word	GDT_LIMIT
	.long	GDT_BASE

	/*
	 * QEMU has this ROM at the end of the first MiB, too, over the guest's memory. So a guest that jumps into the BIOS
	 * comes here, and gets what the monitor has put there. The scratch register of a serial port tells the two apart.
	 */
	.code16
first:
	movw	$0x2ff, %dx
	inb	%dx, %al
	cmpb	$0x5a, %al
	je	again
	movb	$0x5a, %al
	outb	%al, %dx
	jmp	enter
again:
	.byte	RESET_CODE

	.org	0xfff0
	.code16
	.byte	0xe9
	.word	first - (_start + 0xfff3)
	.org	0xffff
	.byte	0
