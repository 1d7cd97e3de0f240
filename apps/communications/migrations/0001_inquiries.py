"""The tables of inquiries and of the mail they come in by, with what the database refuses by constraint."""

import apps.communications.models.inquiries
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0004_a_scope_for_the_gate'),
        ('policies', '0002_published_never_changes'),
    ]

    operations = [
        migrations.CreateModel(
            name='Mailbox',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, unique=True)),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('tried_at', models.DateTimeField(blank=True, null=True, verbose_name='last tried at')),
                ('read_at', models.DateTimeField(blank=True, null=True, verbose_name='last read at')),
                ('failures', models.PositiveIntegerField(default=0, verbose_name='failures in a row')),
                ('next_try_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.CharField(blank=True, help_text='Kind of error only; texts of servers may name people.', max_length=80)),
                ('at_mail', models.CharField(blank=True, help_text='The mail that was last begun: a mail that ends its reader is found out.', max_length=40)),
                ('at_attempts', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'verbose_name_plural': 'mailboxes',
                'ordering': ['code'],
            },
        ),
        migrations.CreateModel(
            name='Inquiry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.communications.models.inquiries.inquiry_reference, editable=False, max_length=20, unique=True)),
                ('topic', models.CharField(choices=[('privacy', 'A question about privacy'), ('my_data', 'My own data'), ('child', 'A child uses the service'), ('security', 'A worry about security'), ('other', 'Something else')], default='other', max_length=20)),
                ('channel', models.CharField(choices=[('form', 'by the form'), ('mail', 'by e-mail')], editable=False, max_length=10)),
                ('state', models.CharField(choices=[('open', 'waits for us'), ('answered', 'answered'), ('closed', 'closed'), ('kept', 'past its life, kept for a hold')], default='open', editable=False, max_length=10)),
                ('sender', models.BinaryField(help_text='The address to answer to, sealed.')),
                ('sender_digest', models.BinaryField(help_text='The address as a keyed hash, by which a reply finds its inquiry.', max_length=32)),
                ('owner', models.CharField(blank=True, editable=False, help_text='A member of staff, by reference.', max_length=60)),
                ('minor_case', models.CharField(blank=True, editable=False, max_length=20, verbose_name='case of a minor')),
                ('opened_at', models.DateTimeField(editable=False)),
                ('heard_at', models.DateTimeField(editable=False, verbose_name='last heard at')),
                ('answered_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last answered at')),
                ('closed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('closed_by', models.CharField(blank=True, editable=False, help_text='A member of staff, by reference.', max_length=60)),
                ('ends_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='erased after')),
                ('person', models.ForeignKey(blank=True, editable=False, help_text="Optional. Without it: the inquiry does not show with the person's other data. Held to answer and to notify.", null=True, on_delete=django.db.models.deletion.CASCADE, related_name='inquiries', to='accounts.person')),
                ('policy_version', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
            ],
            options={
                'verbose_name_plural': 'inquiries',
                'ordering': ['-id'],
                'permissions': [('reveal_inquiry', 'Can read an inquiry; each look is recorded'), ('work_inquiry', 'Can take, hand over, note, close and reopen an inquiry'), ('answer_inquiry', 'Can answer an inquiry'), ('open_minor_case', 'Can open the case of a minor from an inquiry')],
            },
        ),
        migrations.CreateModel(
            name='InquiryMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('kind', models.CharField(choices=[('received', 'from them'), ('answer', 'our answer'), ('note', 'note among us')], max_length=10)),
                ('words', models.BinaryField(help_text='Subject, text and names of attachments, sealed.')),
                ('attachments', models.PositiveIntegerField(default=0, help_text='How many came with it; none is kept.')),
                ('written_by', models.CharField(blank=True, help_text='A member of staff, by reference.', max_length=60)),
                ('at', models.DateTimeField()),
                ('inquiry', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='communications.inquiry')),
                ('policy_version', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
            ],
            options={
                'ordering': ['inquiry', 'number'],
            },
        ),
        migrations.CreateModel(
            name='ReceivedMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid_validity', models.BigIntegerField()),
                ('uid', models.BigIntegerField()),
                ('digest', models.BinaryField(help_text='Of Message-ID and sender, keyed: the same mail is taken once.', max_length=32, null=True, unique=True)),
                ('outcome', models.CharField(choices=[('opened', 'began an inquiry'), ('joined', 'joined its inquiry'), ('double', 'came twice'), ('automatic', 'from a machine'), ('refused', 'could not be read')], max_length=10)),
                ('code', models.CharField(blank=True, max_length=40, verbose_name='why')),
                ('size', models.PositiveBigIntegerField(verbose_name='bytes')),
                ('received_at', models.DateTimeField()),
                ('looked_at', models.DateTimeField(blank=True, null=True)),
                ('looked_by', models.CharField(blank=True, help_text='A member of staff, by reference.', max_length=60)),
                ('inquiry', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='mails', to='communications.inquiry')),
                ('mailbox', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='mails', to='communications.mailbox')),
            ],
            options={
                'verbose_name': 'mail that came in',
                'verbose_name_plural': 'mail that came in',
                'ordering': ['-id'],
                'permissions': [('settle_receivedmail', 'Can say that a mail that could not be read was looked at')],
            },
        ),
        migrations.AddIndex(
            model_name='inquiry',
            index=models.Index(fields=['state', '-id'], name='inquiry_by_state'),
        ),
        migrations.AddIndex(
            model_name='inquiry',
            index=models.Index(fields=['owner', '-id'], name='inquiry_by_owner'),
        ),
        migrations.AddIndex(
            model_name='inquiry',
            index=models.Index(fields=['sender_digest'], name='inquiry_by_sender'),
        ),
        migrations.AddIndex(
            model_name='inquiry',
            index=models.Index(condition=models.Q(('ends_at__isnull', False)), fields=['ends_at', 'id'], name='inquiry_by_end'),
        ),
        migrations.AddIndex(
            model_name='inquiry',
            index=models.Index(fields=['opened_at', 'id'], name='inquiry_by_opening'),
        ),
        migrations.AddConstraint(
            model_name='inquiry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('ends_at__gt', models.F('closed_at')), ('ends_at__isnull', False), ('state__in', ('closed', 'kept')), models.Q(('closed_by', ''), _negated=True)), models.Q(('closed_at__isnull', True), ('closed_by', ''), ('ends_at__isnull', True), ('state__in', ('open', 'answered'))), _connector='OR'), name='a_closed_inquiry_says_who_when_and_until_when'),
        ),
        migrations.AddConstraint(
            model_name='inquiry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'answered'), _negated=True), ('answered_at__isnull', False), _connector='OR'), name='an_answered_inquiry_says_when'),
        ),
        migrations.AddConstraint(
            model_name='inquirymessage',
            constraint=models.UniqueConstraint(fields=('inquiry', 'number'), name='messages_of_an_inquiry_are_counted'),
        ),
        migrations.AddConstraint(
            model_name='inquirymessage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'received'), ('written_by', '')), models.Q(models.Q(('kind', 'received'), _negated=True), models.Q(('written_by', ''), _negated=True)), _connector='OR'), name='who_wrote_is_said_of_what_we_write'),
        ),
        migrations.AddIndex(
            model_name='receivedmail',
            index=models.Index(fields=['outcome', '-id'], name='received_mail_by_outcome'),
        ),
        migrations.AddIndex(
            model_name='receivedmail',
            index=models.Index(fields=['received_at', 'id'], name='received_mail_by_age'),
        ),
        migrations.AddConstraint(
            model_name='receivedmail',
            constraint=models.UniqueConstraint(fields=('mailbox', 'uid_validity', 'uid'), name='a_mail_is_taken_once'),
        ),
        migrations.AddConstraint(
            model_name='receivedmail',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('code', ''), ('inquiry__isnull', False), ('outcome__in', ('opened', 'joined'))), models.Q(('inquiry__isnull', True), ('outcome__in', ('double', 'automatic'))), models.Q(('inquiry__isnull', True), ('outcome', 'refused'), models.Q(('code', ''), _negated=True)), _connector='OR'), name='what_was_taken_has_its_inquiry'),
        ),
        migrations.AddConstraint(
            model_name='receivedmail',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('looked_at__isnull', True), ('looked_by', '')), models.Q(('looked_at__isnull', False), models.Q(('looked_by', ''), _negated=True)), _connector='OR'), name='who_looked_and_when_go_together'),
        ),
    ]
